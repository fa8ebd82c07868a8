import fc from 'fast-check'
import { expect, test } from 'vitest'
import { numberForms } from '../../src/events/number-forms.ts'
import { numberPlan } from '../../src/events/numbers.ts'

const us = numberPlan({ country: 'US', internal: [/^1\d{3}$/] })
const de = numberPlan({ country: 'DE', internal: [/^\d{2,3}$/] })

test.each([
  [us, '(415) 555-0100', ['+14155550100', '14155550100', '0014155550100', '01114155550100', '4155550100']],
  [de, '0170 1234567', ['+491701234567', '491701234567', '00491701234567', '011491701234567', '01701234567']],
  // Dialled at home, which is elsewhere.
  [us, '+49 170 1234567', ['+491701234567', '491701234567', '00491701234567', '011491701234567']],
  [us, '1001', ['1001']],
  [us, 'anonymous', []],
  [us, 'reception', ['reception']],
])('%# what somebody types is found however it was written', (plan, text, forms) => {
  expect(new Set(numberForms(text, plan))).toEqual(new Set(text.startsWith('+') ? [...forms] : forms))
})

test('whatever form is typed, the number itself is among those that are looked for', () => {
  for (const form of numberForms('+14155550100', us)) expect(numberForms(form, us)).toContain('+14155550100')
})

test('any text has bounded forms, and none is empty', () => {
  fc.assert(
    fc.property(fc.string(), text => {
      const forms = numberForms(text, us)
      expect(forms.length).toBeLessThan(10)
      expect(forms.every(form => form !== '' || text.trim() === '')).toBe(true)
    }),
  )
})
