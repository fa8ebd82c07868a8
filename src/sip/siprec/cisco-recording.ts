/**
 * How Cisco tells a recorder about a call without recording metadata.
 *
 * Unified CM with a phone's built-in bridge sends two INVITEs a call, one with the agent's voice and one with the customer's, and says
 * in From's URI which is which: `<sip:2000@ucm1;x-nearend;x-refci=2;x-nearenddevice=SEP…;x-farendrefci=1;x-farendaddr=1000>`. A
 * gateway that records from the network names both in `X-Cisco-Recording-Participant: sip:1000@…;media-index="0"`.
 */
import { headerValue, headerValues } from '../message/headers.ts'
import type { SipMessage } from '../message/message.ts'
import { parseNameAddr } from '../message/name-addr.ts'
import { parseParams } from '../message/params.ts'
import { parseUri } from '../message/uri.ts'

/** One end of a call as Unified CM names it; '' where it does not say. */
export interface CallEnd {
  /** Call identifier of that end's leg, unique within the cluster for a while. */
  readonly refci: string
  readonly cluster: string
  readonly device: string
  readonly address: string
}

export interface BuiltInBridge {
  /** Whose voice this INVITE's stream carries: near is the recorded phone. */
  readonly end: 'near' | 'far'
  readonly near: CallEnd
  readonly far: CallEnd
}

/** `null` for an INVITE that is not a built-in bridge's. */
export function readBuiltInBridge(message: SipMessage): BuiltInBridge | null {
  const from = parseNameAddr(headerValue(message, 'From') ?? '')
  const uri = from === null ? null : parseUri(from.uri)
  if (uri === null) return null
  const { params } = uri
  const end = params.has('x-nearend') ? 'near' : params.has('x-farend') || params.has('x-farrend') ? 'far' : null
  const refci = params.get('x-refci') ?? ''
  if (end === null || refci === '') return null
  const say = (name: string): string => params.get(name) ?? ''
  return {
    end,
    near: {
      refci,
      cluster: say('x-nearendclusterid'),
      device: say('x-nearenddevice'),
      address: say('x-nearendaddr') || (uri.user ?? ''),
    },
    far: {
      refci: say('x-farendrefci'),
      cluster: say('x-farendclusterid'),
      device: say('x-farenddevice'),
      address: say('x-farendaddr'),
    },
  }
}

export interface NetworkParticipant {
  readonly aor: string
  /** Place of its `m=` line, from 0; `null` when it is not said. */
  readonly mediaIndex: number | null
}

/** The participants that a gateway names, in their order. */
export function readNetworkParticipants(message: SipMessage): NetworkParticipant[] {
  return headerValues(message, 'X-Cisco-Recording-Participant')
    .slice(0, 16)
    .map(value => {
      const nameAddr = parseNameAddr(value)
      const index =
        nameAddr?.params.get('media-index') ?? parseParams(value, value.indexOf(';') + 1 || value.length).get('media-index')
      const aor = nameAddr?.uri ?? value.split(';', 1)[0] ?? ''
      return { aor: aor.trim(), mediaIndex: /^\d{1,2}$/.test(index ?? '') ? Number(index) : null }
    })
    .filter(({ aor }) => aor !== '')
}
