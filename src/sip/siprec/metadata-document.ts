/**
 * An rs-metadata document to recording metadata. Total and tolerant: RFC 7865, its drafts (`recording_metadata`, `id` for
 * `participant_id`, `send` within a participant, `aor` for `nameID`, `dataMode`), any namespace or none, elements in any order.
 */
import { isUtf8 } from 'node:buffer'
import { readXml, type XmlElement } from '../xml.ts'
import type {
  CommunicationSession,
  Extension,
  Group,
  MediaStreamEntry,
  NameId,
  Participant,
  ParticipantSession,
  ParticipantStreams,
  RecordingMetadata,
  SessionRecording,
} from './metadata.ts'
import { parseTimestamp } from './timestamp.ts'

export interface MetadataDocument {
  /** `null` when the document has no element of a recording at all. */
  readonly metadata: RecordingMetadata | null
  /** The first fault of the XML with its place; `null` for a sound document. */
  readonly problem: string | null
}

/** Beyond these a document is no call's. Each kind of element is counted for itself. */
const MAX_ENTRIES = 128
const MAX_EXTENSIONS = 512
const MAX_TEXT = 2_048
/** Faults of the XML after which what follows would be guesswork. */
const TOLERATED_FAULTS = 8

/** Elements that the RFC or a draft of it defines; all others are a client's own. */
const DEFINED = new Set([
  ...['recording', 'recording_metadata', 'datamode', 'requestor', 'type', 'initiator', 'group-ref', 'group'],
  ...['session', 'sipsessionid', 'start-time', 'stop-time', 'participant', 'nameid', 'name', 'aor', 'send', 'recv', 'id'],
  ...['stream', 'label', 'mode', 'associate-time', 'disassociate-time', 'reason', 'participantassoc', 'streamassoc'],
  ...['sessionrecordingassoc', 'participantsessionassoc', 'participantstreamassoc', 'sessionassoc'],
])

const ROOTS = new Set(['recording', 'recording_metadata', 'recording-metadata'])

export function parseMetadata(bytes: Buffer): MetadataDocument {
  const { root, fault } = readXml(bytes.toString(isUtf8(bytes) ? 'utf8' : 'latin1'), TOLERATED_FAULTS)
  const recording = root === null ? null : lowered(root)
  if (recording === null || !ROOTS.has(recording.name))
    return { metadata: null, problem: fault ?? 'the document is no recording' }
  const reader = new MetadataReader()
  reader.read(recording)
  return { metadata: reader.metadata(), problem: fault }
}

/** Clients differ in the case of names (`datamode`, `dataMode`); here they are all lower case. */
function lowered(element: XmlElement): XmlElement {
  return {
    ...element,
    name: element.name.toLowerCase(),
    attributes: new Map([...element.attributes].map(([name, value]) => [name.toLowerCase(), value])),
    children: element.children.map(lowered),
  }
}

class MetadataReader {
  #mode: RecordingMetadata['mode'] = 'complete'
  readonly #groups = new Map<string, Group>()
  readonly #sessions = new Map<string, CommunicationSession>()
  readonly #participants = new Map<string, Participant>()
  readonly #streams = new Map<string, MediaStreamEntry>()
  readonly #sessionRecordings: SessionRecording[] = []
  readonly #participantSessions: ParticipantSession[] = []
  readonly #participantStreams: ParticipantStreams[] = []
  readonly #extensions: Extension[] = []

  read(root: XmlElement): void {
    for (const element of root.children) {
      this.#element(element)
      this.#foreign(element, [], null, null)
    }
  }

  metadata(): RecordingMetadata {
    return {
      mode: this.#mode,
      groups: [...this.#groups.values()],
      sessions: [...this.#sessions.values()],
      participants: [...this.#participants.values()],
      streams: [...this.#streams.values()],
      sessionRecordings: this.#sessionRecordings,
      participantSessions: this.#participantSessions,
      participantStreams: this.#participantStreams,
      extensions: this.#extensions,
    }
  }

  #element(element: XmlElement): void {
    switch (element.name) {
      case 'datamode':
        this.#mode = element.text.toLowerCase() === 'partial' ? 'partial' : 'complete'
        break
      case 'group':
        put(this.#groups, idOf(element, 'group'), id => ({ id, ...timesOf(element) }))
        break
      case 'session':
        this.#session(element)
        break
      case 'participant':
        this.#participant(element)
        break
      case 'stream':
        this.#stream(element)
        break
      case 'sessionrecordingassoc': {
        const sessionId = idOf(element, 'session')
        if (sessionId !== null) append(this.#sessionRecordings, { sessionId, ...timesOf(element) })
        break
      }
      case 'participantsessionassoc':
      case 'participantassoc': {
        const participantId = idOf(element, 'participant')
        if (participantId !== null)
          append(this.#participantSessions, { participantId, sessionId: reference(element, 'session'), ...timesOf(element) })
        break
      }
      case 'participantstreamassoc':
      case 'streamassoc': {
        const participantId = idOf(element, 'participant')
        if (participantId !== null) this.#hears(element, participantId)
        break
      }
    }
  }

  #session(element: XmlElement): void {
    put(this.#sessions, idOf(element, 'session'), id => ({
      id,
      groupId: childText(element, 'group-ref') ?? reference(element, 'group'),
      sipSessionIds: textsOf(element, 'sipsessionid'),
      startedAt: parseTimestamp(childText(element, 'start-time')) ?? timesOf(element).associatedAt,
      stoppedAt: parseTimestamp(childText(element, 'stop-time')) ?? timesOf(element).disassociatedAt,
    }))
  }

  /** Drafts say within a participant which session it is in and which streams it sends. */
  #participant(element: XmlElement): void {
    const id = idOf(element, 'participant')
    if (id === null) return
    put(this.#participants, id, () => ({ id, names: namesOf(element) }))
    const sessionId = reference(element, 'session')
    if (sessionId !== null) append(this.#participantSessions, { participantId: id, sessionId, ...timesOf(element) })
    if (element.children.some(({ name }) => name === 'send' || name === 'recv')) this.#hears(element, id)
  }

  #stream(element: XmlElement): void {
    const label = childText(element, 'label')
    // Avaya's SBC announces a stream that has no sender yet with an empty id.
    const id = idOf(element, 'stream') ?? (label === null ? null : `label:${label}`)
    const isMixed = childText(element, 'mode')?.toLowerCase() === 'mixed'
    put(this.#streams, id, id => ({ id, sessionId: reference(element, 'session'), label, isMixed }))
  }

  #hears(element: XmlElement, participantId: string): void {
    append(this.#participantStreams, {
      participantId,
      send: streamIds(element, 'send'),
      receive: streamIds(element, 'recv'),
      ...timesOf(element),
    })
  }

  /**
   * Collects what elements that no RFC defines say, wherever they stand. Oracle writes `<apkt:header label="X-UCID"><value>…`: the
   * label stands a level above its value.
   */
  #foreign(element: XmlElement, path: readonly string[], of: string | null, labelAbove: string | null): void {
    const owner = ownerOf(element) ?? of
    const label = element.attributes.get('label') ?? labelAbove
    const within = [...path, element.name]
    if (within.some(name => !DEFINED.has(name))) {
      this.#extend({ name: element.name, value: element.text, path, of: owner, label })
      for (const [name, value] of element.attributes)
        if (!name.includes(':')) this.#extend({ name, value, path: within, of: owner, label: null })
    }
    for (const child of element.children) this.#foreign(child, within, owner, label)
  }

  #extend(extension: Extension): void {
    if (extension.value === '' || this.#extensions.length === MAX_EXTENSIONS) return
    this.#extensions.push({ ...extension, value: extension.value.slice(0, MAX_TEXT) })
  }
}

/** Whom an element's extensions are about: itself, where it has an id, or its `parent` attribute (BroadWorks). */
function ownerOf(element: XmlElement): string | null {
  switch (element.name) {
    case 'group':
    case 'session':
    case 'participant':
    case 'stream':
      return idOf(element, element.name)
    case 'participantsessionassoc':
    case 'participantstreamassoc':
      return idOf(element, 'participant')
    case 'extensiondata':
      return text(element.attributes.get('parent'))
    default:
      return text(element.attributes.get('participant_id'))
  }
}

/** `participant_id`, or `id` as drafts have it. */
function idOf(element: XmlElement, kind: string): string | null {
  const { attributes } = element
  return text(attributes.get(`${kind}_id`)) ?? text(attributes.get(`${kind}-id`)) ?? text(attributes.get('id'))
}

/** The id of another element: `session_id`, or `session` as drafts have it. */
function reference(element: XmlElement, kind: string): string | null {
  return text(element.attributes.get(`${kind}_id`)) ?? text(element.attributes.get(kind))
}

/** The text of the first child of that name; `null` when there is none or it is empty. */
function childText(element: XmlElement, name: string): string | null {
  return text(element.children.find(child => child.name === name)?.text)
}

function text(value: string | undefined): string | null {
  const trimmed = value?.trim().slice(0, MAX_TEXT) ?? ''
  return trimmed === '' ? null : trimmed
}

function textsOf(element: XmlElement, name: string): string[] {
  const texts = element.children.filter(child => child.name === name && child.text !== '').map(child => child.text)
  return texts.slice(0, MAX_ENTRIES)
}

/** `<send>ID</send>`, or `<send><id>ID</id></send>` as drafts have it. */
function streamIds(element: XmlElement, name: string): string[] {
  const ids = element.children.filter(child => child.name === name).flatMap(child => [child.text, ...textsOf(child, 'id')])
  return ids.filter(id => id !== '').slice(0, MAX_ENTRIES)
}

function timesOf(element: XmlElement): { readonly associatedAt: number | null; readonly disassociatedAt: number | null } {
  return {
    associatedAt: parseTimestamp(childText(element, 'associate-time')),
    disassociatedAt: parseTimestamp(childText(element, 'disassociate-time')),
  }
}

function namesOf(element: XmlElement): NameId[] {
  const names: NameId[] = []
  for (const child of element.children.slice(0, MAX_ENTRIES)) {
    const isNameId = child.name === 'nameid'
    if (!isNameId && child.name !== 'aor') continue
    const aor = (isNameId ? (child.attributes.get('aor') ?? childText(child, 'aor')) : child.text) ?? ''
    names.push({ aor: aor.trim(), name: (isNameId ? childText(child, 'name') : null) ?? childText(element, 'name') })
  }
  return names
}

/** Of a repeated id the first counts. */
function put<T>(map: Map<string, T>, id: string | null, entry: (id: string) => T): void {
  if (id !== null && !map.has(id) && map.size < MAX_ENTRIES) map.set(id, entry(id))
}

function append<T>(list: T[], entry: T): void {
  if (list.length < MAX_ENTRIES) list.push(entry)
}
