/**
 * What a delivery has done so far, in the sink's memory, and the one way to do something that must not happen twice.
 *
 * Invariants
 *  1 A value is on disk before the next request goes out.
 *  2 A step that is asked for is noted as `asking` first. Found so again, its effect may be there: it is looked for before it is
 *     asked for once more.
 *  3 One delivery at a time has a note (sink.ts locks by call).
 */
import { z } from 'zod'
import { parseJson } from '../http/answer.ts'
import type { SinkMemory } from '../memory.ts'
import { Halt, waitJob } from './halt.ts'

/** Part of every note's schema: when each step that has no answer yet was first and last asked for, epoch ms, by its name. */
export const askingField = { asking: z.record(z.string(), z.object({ since: z.number(), at: z.number() })).default({}) }

interface Noted {
  readonly asking: z.infer<typeof askingField.asking>
}

export interface NoteOptions {
  readonly memory: SinkMemory
  /** Epoch ms. */
  readonly clock: () => number
  /** How long a request whose answer was lost may still be at work: its effect is not looked for before that has passed. */
  readonly settleMs: number
}

export interface Step<T> {
  /** Names the effect, not the delivery: another event that asks for the same thing must find it. */
  readonly name: string
  /** Finds the effect of an earlier try; `null` when it is not there. `askedAt`: epoch ms. */
  look(askedAt: number): Promise<T | null>
  make(): Promise<T>
}

export class Note<Value extends Noted> {
  readonly #options: NoteOptions
  readonly #key: string
  #value: Value

  private constructor(options: NoteOptions, key: string, value: Value) {
    this.#options = options
    this.#key = key
    this.#value = value
  }

  /** What is noted under `key`; the schema's defaults when nothing is, or nothing that this version understands. */
  static async read<V extends Noted>(options: NoteOptions, key: string, schema: z.ZodType<V>): Promise<Note<V>> {
    const text = await options.memory.get(key)
    const json = text === null ? null : parseJson(text)
    const parsed = json?.ok === true ? schema.safeParse(json.value) : null
    return new Note(options, key, parsed?.success === true ? parsed.data : schema.parse({}))
  }

  get value(): Value {
    return this.#value
  }

  /** On disk when it resolves. What changes nothing is not written. */
  async set(changes: Partial<Value>): Promise<void> {
    await this.#write({ ...this.#value, ...changes })
  }

  /** Does it once, whatever happened before. `keep`: what to note of the answer. */
  async once<T>(step: Step<T>, keep: (answer: T) => Partial<Value>): Promise<T> {
    const now = this.#options.clock()
    const before = this.#value.asking[step.name]
    if (before !== undefined) {
      const settledIn = before.at + this.#options.settleMs - now
      if (settledIn > 0) throw waitJob(`the answer to an earlier try (${step.name}) was lost; it may still be at work`, settledIn)
      const found = await step.look(before.since)
      if (found !== null) {
        await this.#keep(step.name, keep(found))
        return found
      }
    }
    const asked = { since: before?.since ?? now, at: now }
    await this.#write({ ...this.#value, asking: { ...this.#value.asking, [step.name]: asked } })
    try {
      const made = await step.make()
      await this.#keep(step.name, keep(made))
      return made
    } catch (cause) {
      if (cause instanceof Halt && cause.nothingDone && before === undefined) await this.#keep(step.name, {})
      throw cause
    }
  }

  async #keep(step: string, changes: Partial<Value>): Promise<void> {
    const { [step]: _, ...asking } = this.#value.asking
    await this.#write({ ...this.#value, ...changes, asking })
  }

  async #write(value: Value): Promise<void> {
    const text = JSON.stringify(value)
    if (text !== JSON.stringify(this.#value)) await this.#options.memory.put(this.#key, text)
    this.#value = value
  }
}
