/**
 * A real PostgreSQL whose clock a test can set: a function of the same name, in a schema that is searched before PostgreSQL's own, stands in
 * for `clock_timestamp()`.
 */

/** Makes the schema, with the bridge's tables to come and a clock that is right. */
export const movableClock = (schema: string): string => `
  create schema ${schema};
  create table ${schema}.moved_clock (ms bigint not null);
  insert into ${schema}.moved_clock values (0);
  create function ${schema}.clock_timestamp() returns timestamptz language sql volatile as
    'select pg_catalog.clock_timestamp() + ms * interval ''1 millisecond'' from ${schema}.moved_clock'`

/** The database's URL for whoever is to live by that clock. */
export const byMovableClock = (url: string, schema: string): string => {
  const own = new URL(url)
  own.searchParams.set('options', `-c search_path=${schema},pg_catalog`)
  return own.href
}

/** Sets that clock wrong by so many ms. */
export const moveClock = (schema: string, byMs: number): string => `update ${schema}.moved_clock set ms = ${byMs}`
