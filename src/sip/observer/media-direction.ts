/** What an SDP body says about hold (RFC 3264 sections 5.1 and 8.4, and RFC 2543's c=0.0.0.0). */

/**
 * `held`: whoever sent this SDP will not listen on any of its audio streams (sendonly or inactive, or a null address).
 * `active`: at least one audio stream is wanted. `null`: the body is no SDP with audio, so it says nothing.
 *
 * Total, line by line: a full SDP parser would cost more and accept less.
 */
export function mediaDirection(body: Buffer): 'held' | 'active' | null {
  if (body.length === 0 || body.length > 65_535) return null
  let sessionDirection = 'sendrecv'
  let sessionAddress: string | null = null
  const streams: { port: number; direction: string | null; address: string | null }[] = []
  let audio: (typeof streams)[number] | null = null
  let inSession = true
  let isSdp = false
  for (const raw of body.toString('latin1').split('\n')) {
    const line = raw.trimEnd()
    if (line.startsWith('v=')) isSdp = true
    else if (line.startsWith('m=')) {
      inSession = false
      audio = null
      const match = /^m=audio (\d{1,5})/.exec(line)
      if (match === null) continue
      audio = { port: Number(match[1]), direction: null, address: null }
      streams.push(audio)
    } else if (line.startsWith('c=')) {
      const address = line.split(' ')[2] ?? ''
      if (inSession) sessionAddress = address
      else if (audio !== null) audio.address = address
    } else if (line === 'a=sendonly' || line === 'a=inactive' || line === 'a=sendrecv' || line === 'a=recvonly') {
      if (inSession) sessionDirection = line.slice(2)
      else if (audio !== null) audio.direction = line.slice(2)
    }
  }
  // A stream with port 0 is refused or removed (RFC 3264 section 8.2); it says nothing about the others.
  const wanted = streams.filter(stream => stream.port !== 0)
  if (!isSdp || wanted.length === 0) return null
  const isHeld = wanted.every(stream => {
    const direction = stream.direction ?? sessionDirection
    const address = stream.address ?? sessionAddress
    return direction === 'sendonly' || direction === 'inactive' || address === '0.0.0.0'
  })
  return isHeld ? 'held' : 'active'
}
