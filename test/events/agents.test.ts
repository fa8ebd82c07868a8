import { describe, expect, test } from 'vitest'
import { agentDirectory } from '../../src/events/agents.ts'
import { alice, bob, lastOf, play, script, wire } from './office.ts'

const { invited, ringing, answered, failed } = script()

describe('the agents of a call', () => {
  test.each([
    ['an outbound call is its caller’s', [invited(0, '1001', '4155550100', 'pbx')], [alice]],
    ['an outbound call is not the callee’s', [invited(0, '1001', '4155550100'), answered(1, 'phone', wire('1002'))], [alice]],
    ['an inbound call is the dialled extension’s', [invited(0, '4155550100', '1002')], [bob]],
    ['an internal call has both', [invited(0, '1001', '1002')], [alice, bob]],
    ['who calls himself is there once', [invited(0, '1001', '1001')], [alice]],
    ['a stranger’s extension is nobody’s', [invited(0, '4155550100', '1999')], []],
    [
      'while a group rings, it is everybody’s whose phone rings',
      [invited(0, '4155550100', '1900'), ringing(1, 'a', wire('1001')), ringing(1, 'b', wire('1002'))],
      [alice, bob],
    ],
    [
      'missed by all whose phones rang',
      [invited(0, '4155550100', '1900'), ringing(1, 'a', wire('1001')), ringing(1, 'b', wire('1002')), failed(9, 480)],
      [alice, bob],
    ],
    ['forwarded outside, it is no agent’s', [invited(0, '4155550100', '1001'), answered(1, 'mobile', wire('+14155550177'))], []],
  ] as const)('%s', (_, signals, expected) => {
    expect(lastOf(replayed(signals))).toMatchObject({ agents: expected })
  })
})

/** Ringing of a second phone makes no event, so the call is read from the one that the next change makes. */
function replayed(signals: Parameters<typeof play>[0]) {
  const { events, call } = play(signals)
  return call?.phase.kind === 'ringing' ? [...events, ...play([failed(99, 480)], call).events] : events
}

test('two agents at one extension are an error that names both', () => {
  expect(() => agentDirectory([alice, { ...bob, extension: '1001' }])).toThrow(/1001 belongs to Alice and to Bob/)
})
