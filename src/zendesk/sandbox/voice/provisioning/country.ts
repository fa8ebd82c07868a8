/** The country of a telephone number. Pure. */
import { getCountries, getCountryCallingCode, isSupportedCountry, parsePhoneNumberFromString } from 'libphonenumber-js'
import { invalidField } from '../../problem.ts'

/** ISO 3166-1 alpha-2 of an E.164 number; throws a 422 when the number belongs to none. */
export function countryOf(number: string): string {
  const parsed = parsePhoneNumberFromString(number)
  const country = parsed?.country ?? getCountries().find(each => getCountryCallingCode(each) === parsed?.countryCallingCode)
  if (country === undefined) throw invalidField('phone_number.country_code', 'cannot be told from the number: give it')
  return country
}

/** Throws a 422 when a number of `country` cannot begin as this one does. */
export function checkCountry(number: string, country: string): void {
  const field = 'phone_number.country_code'
  if (!isSupportedCountry(country)) throw invalidField(field, `${country} is no country with telephone numbers`)
  // A number of no country (+800, +882) may be shown under any.
  const code = parsePhoneNumberFromString(number)?.countryCallingCode
  if (code === undefined || !getCountries().some(each => getCountryCallingCode(each) === code)) return
  if (getCountryCallingCode(country) !== code) throw invalidField(field, `${number} is no number of ${country}`)
}
