import { DatabaseSync } from '@photostructure/sqlite'
import { describe, expect, it } from 'vitest'
import { GroupCommit } from '../../../src/zendesk/sandbox/group-commit.ts'

function open() {
  const db = new DatabaseSync(':memory:')
  db.exec('CREATE TABLE things (name TEXT PRIMARY KEY)')
  const add = (name: string) => db.prepare('INSERT INTO things VALUES (?)').run(name)
  return { db, commits: new GroupCommit(db), add, names: () => db.prepare('SELECT name FROM things').all().length }
}

describe('the group commit', () => {
  it('shares a transaction among what comes together, and takes back only what fails', async () => {
    const { commits, add, names } = open()
    const results = await Promise.allSettled([
      commits.run(() => add('a').changes),
      commits.run(() => {
        add('b')
        throw new Error('no b')
      }),
      commits.run(() => add('a')),
      commits.run(() => add('c').changes),
    ])
    expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'rejected', 'fulfilled'])
    expect(names()).toBe(2)
  })

  it('acknowledges nothing of a transaction that could not be committed', async () => {
    const { db, commits, add, names } = open()
    const results = await Promise.allSettled([
      commits.run(() => add('a')),
      commits.run(() => {
        db.exec('ROLLBACK')
        throw new Error('disk I/O error')
      }),
      commits.run(() => add('c')),
    ])
    expect(results.map(({ status }) => status)).toEqual(['rejected', 'rejected', 'rejected'])
    expect(names()).toBe(0)
    await commits.run(() => add('d'))
    expect(names()).toBe(1)
  })

  it('commits what is queued when it is closed, and refuses what comes later', async () => {
    const { db, commits, add } = open()
    const queued = commits.run(() => add('a').changes)
    commits.close()
    db.close()
    expect(await queued).toBe(1)
    await expect(commits.run(() => add('b'))).rejects.toThrow('stopping')
  })
})
