/** `/phone_numbers/{id}/ivr` and `/phone_ivr_menus`: what a caller hears and where a key leads. */
import {
  type IvrMenu,
  type IvrMenuChange,
  type IvrSettings,
  type IvrSettingsChange,
  ivrMenuAnswerSchema,
  ivrSettingsAnswerSchema,
  type NewIvrMenu,
} from '../wire/ivr.ts'
import type { Id } from '../wire/page.ts'
import { type Creation, segment, type VoiceRequests } from './voice-requests.ts'

const menus = '/phone_ivr_menus'
const settingsOf = (phoneNumber: Id) => `/phone_numbers/${segment(phoneNumber)}/ivr`

/** Each method throws a VoiceFailure, or the signal's reason. */
export class Ivr {
  readonly #requests: VoiceRequests

  constructor(requests: VoiceRequests) {
    this.#requests = requests
  }

  /** `GET /phone_numbers/{id}/ivr` */
  async settings(phoneNumber: Id, signal: AbortSignal): Promise<IvrSettings> {
    return (await this.#requests.ask({ method: 'GET', path: settingsOf(phoneNumber), signal }, ivrSettingsAnswerSchema)).ivr
  }

  /** `PUT /phone_numbers/{id}/ivr`: a menu or queue that does not exist is refused (422). */
  async configure(phoneNumber: Id, ivr: IvrSettingsChange, signal: AbortSignal): Promise<IvrSettings> {
    const request = { method: 'PUT', path: settingsOf(phoneNumber), body: { ivr }, signal } as const
    return (await this.#requests.ask(request, ivrSettingsAnswerSchema)).ivr
  }

  /** `POST /phone_ivr_menus`. The Voice API has no list of menus: keep the id. */
  async createMenu(menu: NewIvrMenu, signal: AbortSignal, creation: Creation = {}): Promise<IvrMenu> {
    const request = { method: 'POST', path: menus, body: { ivr_menu: menu }, signal, ...creation } as const
    return (await this.#requests.ask(request, ivrMenuAnswerSchema)).ivr_menu
  }

  /** `GET /phone_ivr_menus/{id}` */
  async menu(id: Id, signal: AbortSignal): Promise<IvrMenu> {
    return (await this.#requests.ask({ method: 'GET', path: `${menus}/${segment(id)}`, signal }, ivrMenuAnswerSchema)).ivr_menu
  }

  /** `PUT /phone_ivr_menus/{id}`: what is left out stays; options are replaced as a whole. */
  async updateMenu(id: Id, change: IvrMenuChange, signal: AbortSignal): Promise<IvrMenu> {
    const request = { method: 'PUT', path: `${menus}/${segment(id)}`, body: { ivr_menu: change }, signal } as const
    return (await this.#requests.ask(request, ivrMenuAnswerSchema)).ivr_menu
  }
}
