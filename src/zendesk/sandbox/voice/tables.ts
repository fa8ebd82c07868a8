/** Tables of the Voice API's half: numbers, lines, menus, queues, agents. */
export const voiceTables = ''
