import type { CallId, CallSnapshot } from '../../src/events/event.ts'
import type { AudioItem, ItemState, RecordingId, RecordingItem } from '../../src/events/recording.ts'
import type { CallQuery, RecordingLedger, SourceFile } from '../../src/recordings/ledger.ts'

/** The ledger's contract in memory. It outlives the stage, as a database outlives a restart. */
export class MemoryLedger implements RecordingLedger {
  readonly items = new Map<RecordingId, AudioItem>()
  readonly files = new Set<string>()
  readonly calls = new Map<string, CallId>()
  readonly alive: CallSnapshot[] = []
  readonly jobs: AudioItem[] = []
  /** What was written to the audit log. */
  readonly refused: RecordingItem[] = []
  /** Thrown by every method while set. */
  fault: Error | null = null

  #check(): void {
    if (this.fault !== null) throw this.fault
  }

  async isKnownFile(file: SourceFile): Promise<boolean> {
    this.#check()
    return this.files.has(JSON.stringify(file))
  }

  async add(item: AudioItem, file: SourceFile): Promise<'added' | 'known'> {
    this.#check()
    this.files.add(JSON.stringify(file))
    if (this.items.has(item.id)) return 'known'
    this.items.set(item.id, item)
    return 'added'
  }

  async update(item: AudioItem): Promise<void> {
    this.#check()
    this.items.set(item.id, item)
  }

  async queue(item: AudioItem): Promise<void> {
    this.#check()
    this.items.set(item.id, item)
    this.jobs.push(item)
  }

  async refuse(item: RecordingItem): Promise<void> {
    await this.update(item)
    this.refused.push(item)
  }

  async get(id: RecordingId): Promise<AudioItem | null> {
    this.#check()
    return this.items.get(id) ?? null
  }

  async list(state: ItemState, limit: number): Promise<readonly AudioItem[]> {
    this.#check()
    return [...this.items.values()].filter(item => item.state === state).slice(0, limit)
  }

  async callByKey(key: string): Promise<CallId | null> {
    this.#check()
    return this.calls.get(key) ?? null
  }

  async call(id: CallId): Promise<CallSnapshot | null> {
    this.#check()
    return this.alive.find(call => call.id === id) ?? null
  }

  async callsAlive(query: CallQuery): Promise<readonly CallSnapshot[]> {
    this.#check()
    return this.alive.filter(call => call.startedAt <= query.to && (call.endedAt ?? query.to) >= query.from).slice(0, query.limit)
  }

  in(state: ItemState): readonly AudioItem[] {
    return [...this.items.values()].filter(item => item.state === state)
  }
}
