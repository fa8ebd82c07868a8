/**
 * The thread in which signalling runs: its event loop does nothing but SIP. The store's fsyncs, encoding and uploads happen in the
 * main thread, and a disk that takes seconds delays events, never a call.
 *
 *   SIP ──▶ Signalling ──▶ signals, a batch for each turn of the event loop ──▶ the main thread (threaded-signalling.ts)
 *
 * Invariant: at most `maxUntaken` signals are on their way; what comes beyond is dropped, counted and said, for a main thread that
 * is so far behind is not coming back.
 */
import { resolve } from 'node:path'
import { parentPort, workerData } from 'node:worker_threads'
import type { CallSignal } from '../events/signal.ts'
import { Spool } from '../recordings/intake/spool.ts'
import { Mirror } from './mirror.ts'
import { RecordingSessions } from './recording-sessions.ts'
import { Signalling, type SignallingLog } from './signalling.ts'
import type { FromThread, ThreadData, ToThread } from './signalling-messages.ts'

const maxUntaken = 200_000
const statusEveryMs = 250

const port = parentPort
if (port === null) throw new Error('signalling-thread.ts is started by threaded-signalling.ts, as a worker thread')

const tell = (message: FromThread): void => port.postMessage(message)
const logAt =
  (level: keyof SignallingLog) =>
  (fields: object, message: string): void =>
    tell({ kind: 'log', level, fields: asPlainData(fields), message })
const log: SignallingLog = { debug: logAt('debug'), info: logAt('info'), warn: logAt('warn'), error: logAt('error') }

let batch: CallSignal[] = []
let untaken = 0
const bridging = { signals: 0, signalsDropped: 0 }

function onSignal(signal: CallSignal): void {
  if (untaken >= maxUntaken) {
    bridging.signalsDropped += 1
    if (bridging.signalsDropped % 10_000 === 1)
      log.error({ dropped: bridging.signalsDropped }, 'signals dropped: the bridge takes none any more')
    return
  }
  bridging.signals += 1
  untaken += 1
  if (batch.push(signal) === 1) setImmediate(flush)
}

function flush(): void {
  tell({ kind: 'signals', signals: batch })
  batch = []
}

const { config, noRoom: noRoomAtStart } = workerData as ThreadData // threaded-signalling.ts is the only one that starts this thread
const { sip, hep } = config
let noRoom = noRoomAtStart
const recording =
  sip.siprec.peers.length === 0
    ? null
    : new RecordingSessions({
        config: sip.siprec,
        uniqueHeaders: sip.uniqueHeaders,
        folder: new Spool(resolve(config.dataDir, 'spool')).recordedFolder,
        noRoom: () => noRoom,
        onSignal,
        log,
      })
const signalling = new Signalling({
  config: sip,
  recorder: recording,
  onSignal,
  onPresence: presence => tell({ kind: 'presence', presence }),
  log,
})
const ties = { unique: sip.uniqueHeaders, callId: sip.callIdHeaders }
const mirror = new Mirror({ config: hep, ties, onSignal, log })

function tellStatus(): void {
  const { counters, ...status } = signalling.status()
  const mirrored = mirror.status()
  const all = {
    ...counters,
    ...(mirrored === null ? {} : { hep: mirror.counters() }),
    ...recording?.counters(),
    signalling: bridging,
  }
  tell({ kind: 'status', status: { ...status, hep: mirrored, siprec: recording?.status() ?? null, counters: all } })
}
const statusTimer = setInterval(tellStatus, statusEveryMs)

port.on('message', async ({ ...message }: ToThread) => {
  if (message.kind === 'taken') {
    untaken -= message.count
    return
  }
  if (message.kind === 'room') {
    noRoom = message.noRoom
    return
  }
  if (message.kind === 'renew-certificate') {
    await signalling.renewCertificate()
    return
  }
  clearInterval(statusTimer)
  // First: its BYEs go through signalling.
  await recording?.stop()
  await Promise.all([signalling.stop(), mirror.stop()])
  if (batch.length > 0) flush()
  tellStatus()
  tell({ kind: 'stopped' })
  port.close()
})

try {
  await recording?.start()
  const listening = { sip: await signalling.start(), hep: await mirror.start() }
  tellStatus()
  tell({ kind: 'started', listening })
} catch (error) {
  tell({ kind: 'start-failed', reason: error instanceof Error ? error.message : String(error) })
}

/** Errors and other objects of classes do not survive the way between threads whole. */
function asPlainData(fields: object): object {
  return Object.fromEntries(
    Object.entries(fields).map(([key, value]) => [key, value instanceof Error ? (value.stack ?? value.message) : value]),
  )
}
