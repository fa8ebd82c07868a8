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
import { Halt } from './halt.ts'

/** Part of every note's schema: when each step that has no answer yet was first asked for, epoch ms, by its name. */
export const askingField = { asking: z.record(z.string(), z.number()).default({}) }

interface Noted {
  readonly asking: Readonly<Record<string, number>>
}

export interface Step<T> {
  /** Names the effect, not the delivery: another event that asks for the same thing must find it. */
  readonly name: string
  /** Finds the effect of an earlier try; `null` when it is not there. `askedAt`: epoch ms. */
  look(askedAt: number): Promise<T | null>
  make(): Promise<T>
}

export class Note<Value extends Noted> {
  readonly #memory: SinkMemory
  readonly #key: string
  readonly #clock: () => number
  #value: Value

  private constructor(memory: SinkMemory, key: string, clock: () => number, value: Value) {
    this.#memory = memory
    this.#key = key
    this.#clock = clock
    this.#value = value
  }

  /** What is noted under `key`; the schema's defaults when nothing is, or nothing that this version understands. */
  static async read<V extends Noted>(
    memory: SinkMemory,
    key: string,
    schema: z.ZodType<V>,
    clock: () => number,
  ): Promise<Note<V>> {
    const text = await memory.get(key)
    const json = text === null ? null : parseJson(text)
    const parsed = json?.ok === true ? schema.safeParse(json.value) : null
    return new Note(memory, key, clock, parsed?.success === true ? parsed.data : schema.parse({}))
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
    const askedAt = this.#value.asking[step.name]
    if (askedAt !== undefined) {
      const found = await step.look(askedAt)
      if (found !== null) {
        await this.#keep(step.name, keep(found))
        return found
      }
    }
    const at = askedAt ?? this.#clock()
    await this.#write({ ...this.#value, asking: { ...this.#value.asking, [step.name]: at } })
    try {
      const made = await step.make()
      await this.#keep(step.name, keep(made))
      return made
    } catch (cause) {
      if (cause instanceof Halt && cause.nothingDone && askedAt === undefined) await this.#keep(step.name, {})
      throw cause
    }
  }

  async #keep(step: string, changes: Partial<Value>): Promise<void> {
    const { [step]: _, ...asking } = this.#value.asking
    await this.#write({ ...this.#value, ...changes, asking })
  }

  async #write(value: Value): Promise<void> {
    const text = JSON.stringify(value)
    if (text !== JSON.stringify(this.#value)) await this.#memory.put(this.#key, text)
    this.#value = value
  }
}
