/** Tables of tickets, users, attachments and the documented calls. */
export const supportTables = ''
