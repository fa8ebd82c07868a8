import { PassThrough } from 'node:stream'
import { expect, test } from 'vitest'
import { ask } from '../../src/cli/ask.ts'

function terminal() {
  const input = new PassThrough()
  const written: string[] = []
  const interruption = new AbortController()
  const answered = ask('Sure? ', { input, output: { write: text => void written.push(text) }, signal: interruption.signal })
  return { input, written, interruption, answered }
}

test('a question is answered by the first line', async () => {
  const { input, written, answered } = terminal()
  input.write('yes\nand more\n')
  expect(await answered).toBe('yes')
  expect(written).toEqual(['Sure? '])
})

test('the end of the input answers nothing', async () => {
  const { input, answered } = terminal()
  input.end()
  expect(await answered).toBe('')
})

test('an interruption answers nothing', async () => {
  const { interruption, answered } = terminal()
  interruption.abort('SIGINT')
  expect(await answered).toBe('')
})
