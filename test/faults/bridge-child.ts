/** The process that the harness kills: hosts one bridge for each world, as it is told over IPC. */
import { HostedBridge } from './hosted-bridge.ts'
import { type News, orderSchema } from './messages.ts'

const bridges = new Map<string, HostedBridge>()
const tell = (news: News): void => void process.send?.(news)

process.on('message', message => {
  const order = orderSchema.parse(message)
  if (order.kind === 'open') {
    const bridge = new HostedBridge({ opening: order, tell })
    bridges.set(order.world, bridge)
    bridge.start()
    return
  }
  const bridge = bridges.get(order.world)
  if (bridge === undefined) return
  if (order.kind !== 'close') return bridge.take(order)
  bridges.delete(order.world)
  void bridge.stop().then(() => tell({ kind: 'closed', world: order.world }))
})

// The harness is gone: a child that nobody kills must not deliver for ever.
process.on('disconnect', () => process.exit(0))
