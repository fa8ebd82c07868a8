import { appendFile, truncate } from 'node:fs/promises'
import { buffer } from 'node:stream/consumers'
import { describe, expect, it } from 'vitest'
import { AudioFileChanged, openMultipart } from '../../../src/zendesk/http/multipart.ts'
import { madeMp3, silence } from '../made-mp3.ts'
import { temporaryFolder } from '../running-sandbox.ts'

async function spec(frames = 1000) {
  const audio = await madeMp3(await temporaryFolder(), 'a.mp3', frames)
  return { metadata: { name: 'ü' }, path: audio.path, size: audio.size, filename: 'rec-1.mp3', boundary: 'tpe-1' }
}

describe('the multipart body', () => {
  it('is exactly as long as it says, and carries metadata then file', async () => {
    const { contentType, contentLength, stream, close } = await openMultipart(await spec())
    const body = await buffer(stream)
    await close()
    expect(contentType).toBe('multipart/form-data; boundary=tpe-1')
    expect(body.length).toBe(contentLength)
    const form = await new Response(body, { headers: { 'content-type': contentType } }).formData()
    expect([...form.keys()]).toEqual(['metadata', 'file'])
    expect(form.get('metadata')).toBe('{"name":"ü"}')
    const file = form.get('file') as File
    expect([file.name, file.type]).toEqual(['rec-1.mp3', 'audio/mpeg'])
    expect(Buffer.from(await file.arrayBuffer()).equals(silence(1000))).toBe(true)
  })

  it('opens the file anew for each attempt', async () => {
    const wanted = await spec(5)
    for (const _attempt of [1, 2]) {
      const body = await openMultipart(wanted)
      expect((await buffer(body.stream)).length).toBe(body.contentLength)
      await body.close()
    }
  })

  it('is refused when the file has another size than was encoded', async () => {
    const wanted = await spec(5)
    await appendFile(wanted.path, 'x')
    await expect(openMultipart(wanted)).rejects.toThrow(AudioFileChanged)
  })

  it('fails, not ends, when the file shrinks while it is read', async () => {
    const wanted = await spec(5000)
    const { stream, close } = await openMultipart(wanted)
    await truncate(wanted.path, 100)
    await expect(buffer(stream)).rejects.toThrow(AudioFileChanged)
    await close()
  })

  it('gives the file back when it was never read', async () => {
    const body = await openMultipart(await spec(5))
    await body.close()
    expect(body.stream.destroyed).toBe(true)
  })
})
