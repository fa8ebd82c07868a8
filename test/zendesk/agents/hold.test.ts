/** The rules about whose a status is, against a Zendesk that loses answers, a bridge that dies, and an agent with a will. */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { doubt, type Hold, learn, nextStep, theirs } from '../../../src/zendesk/agents/hold.ts'
import type { PhoneState } from '../../../src/zendesk/agents/phones.ts'
import type { Shown, StatusValues } from '../../../src/zendesk/agents/status-api.ts'
import { holdFrom, noteOf } from '../../../src/zendesk/agents/status-note.ts'

const values: StatusValues = {
  available: 'available',
  unavailable: 'unavailable',
  on_call: 'on_call',
  after_call_work: 'after_call_work',
}
const idle: PhoneState = { kind: 'idle', since: null }
const onCall = (busySince: number): PhoneState => ({ kind: 'on_call', since: busySince, busySince })
const afterCall = (busySince: number): PhoneState => ({ kind: 'after_call_work', since: busySince, busySince, until: 1e9 })

const shownAs = (value: string, neverSet = false): Shown => ({
  value,
  name: value,
  neverSet,
  resting: value === 'available' || value === 'unavailable',
  byApi: false,
})

/** A Zendesk, the bridge in front of it, and what its memory holds. */
class World {
  status = 'unavailable'
  neverSet = true
  writes: string[] = []
  hold: Hold = theirs
  note = noteOf(theirs)

  /** Goes on until there is nothing to do; each request is lost (`before` or `after` it had its effect) as `lost` says. */
  settle(phone: PhoneState, lost: () => 'no' | 'before' | 'after' = () => 'no'): void {
    for (let i = 0; i < 50; i += 1) {
      const step = nextStep(this.hold, phone, values)
      if (step.kind === 'none') return
      const fate = lost()
      if (step.kind === 'look') {
        if (fate === 'no') this.keep(learn(this.hold, shownAs(this.status, this.neverSet), values))
        else return
      } else {
        this.keep(step.hold)
        if (fate !== 'before') this.put(step.value)
        if (fate !== 'no') {
          this.hold = doubt(step.hold)
          return
        }
        this.keep(step.after)
      }
    }
    throw new Error('it goes round in circles')
  }

  put(value: string): void {
    this.writes.push(value)
    this.status = value
    this.neverSet = false
  }

  keep(hold: Hold): void {
    this.hold = hold
    this.note = noteOf(hold)
  }

  wish(value: string): void {
    this.status = value
    this.neverSet = false
  }

  restart(): void {
    this.hold = holdFrom(this.note)
  }
}

test('a call is shown and given back, and an agent without calls is never touched', () => {
  const world = new World()
  world.settle(idle)
  expect(world.writes).toEqual([])
  world.settle(onCall(10))
  world.settle(afterCall(10))
  world.settle(idle)
  world.settle(idle)
  expect(world.writes).toEqual(['on_call', 'after_call_work', 'available'])
})

test('who was unavailable by hand goes back to that', () => {
  const world = new World()
  world.wish('unavailable')
  world.settle(onCall(10))
  world.settle(idle)
  expect(world.writes).toEqual(['on_call', 'unavailable'])
})

test('a status that the agent sets during a call stands until the next one', () => {
  const world = new World()
  world.wish('available')
  world.settle(onCall(10))
  world.wish('unavailable')
  // It is seen when it is polled; nothing is written any more for this call.
  world.keep(learn(world.hold, shownAs(world.status), values))
  world.settle(onCall(10))
  world.settle(afterCall(10))
  world.settle(idle)
  expect(world.writes).toEqual(['on_call'])
  world.settle(onCall(99))
  world.settle(idle)
  expect(world.writes).toEqual(['on_call', 'on_call', 'unavailable'])
})

test('a Zendesk that follows the calls itself does not hide what the agent had', () => {
  const world = new World()
  world.wish('unavailable')
  world.settle({ kind: 'ringing', since: 5 })
  world.status = 'on_call'
  world.settle(onCall(10))
  world.settle(idle)
  expect(world.status).toBe('unavailable')
})

test('whatever is lost, whenever the bridge dies: calls are shown, and the agent’s last word stands', () => {
  const phases = fc.oneof(
    fc.record({ kind: fc.constant('call' as const), lost: fc.array(fc.constantFrom('no', 'before', 'after'), { maxLength: 6 }) }),
    fc.record({ kind: fc.constant('acw' as const), lost: fc.array(fc.constantFrom('no', 'before', 'after'), { maxLength: 6 }) }),
    fc.record({ kind: fc.constant('rest' as const), lost: fc.array(fc.constantFrom('no', 'before', 'after'), { maxLength: 6 }) }),
    fc.record({ kind: fc.constant('restart' as const) }),
    fc.record({ kind: fc.constant('wish' as const), value: fc.constantFrom('available', 'unavailable') }),
  )
  fc.assert(
    fc.property(fc.array(phases, { maxLength: 25 }), script => {
      const world = new World()
      let phone: PhoneState = idle
      let lastWish = 'available'
      let wishedSince = 0
      let stretch = 0
      for (const phase of script) {
        if (phase.kind === 'restart') world.restart()
        else if (phase.kind === 'wish') {
          // Between a look and the write that follows it nobody can tell; everywhere else a wish is seen.
          if (world.hold.looked) continue
          world.wish(phase.value)
          lastWish = phase.value
          wishedSince = stretch
        } else {
          if (phase.kind === 'call') {
            stretch += 1
            phone = onCall(stretch)
          } else if (phase.kind === 'acw') phone = stretch === 0 ? idle : afterCall(stretch)
          else phone = idle
          const fates = [...phase.lost]
          world.settle(phone, () => fates.shift() ?? 'no')
        }
      }
      world.settle(phone)
      world.settle(phone)
      if (phone.kind === 'on_call' && wishedSince < stretch) expect(world.status).toBe('on_call')
      world.settle(idle)
      if (world.neverSet) expect(world.writes).toEqual([])
      else expect(world.status).toBe(lastWish)
    }),
    { numRuns: 2_000 },
  )
})

test.each(['', 'null', '{}', '[1]', '{"own":3}', '{"own":null,"wrote":"on_call"}'])(
  'a note that reads %j makes nobody stumble',
  note => {
    expect(holdFrom(note)).toEqual(theirs)
  },
)
