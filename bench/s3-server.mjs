/**
 * The S3 of the tests as a process of its own, which checks every signature and checksum. Prints its address; `GET /_stats` there says
 * what it keeps and what it was asked. Ends when its standard input does.
 */
import { createServer } from 'node:http'
import { join } from 'node:path'
import { stdin } from 'node:process'
import { createServer as createVite } from 'vite'

const vite = await createVite({
  root: join(import.meta.dirname, '..'),
  configFile: false,
  logLevel: 'error',
  appType: 'custom',
  server: { middlewareMode: true, watch: null, ws: false },
})
const { Store } = await vite.ssrLoadModule('/test/archive/s3-store.ts')
const store = new Store('us-east-1', true)

const server = createServer((request, response) => {
  if (request.url === '/_stats') {
    const operations = {}
    for (const operation of store.operations) operations[operation] = (operations[operation] ?? 0) + 1
    const keys = [...store.objects.keys()]
    response.end(JSON.stringify({ operations, keys }))
    return
  }
  store.answer(request, response).catch(error => response.destroy(error))
})
server.listen(0, '127.0.0.1', () => console.log(`s3: http://127.0.0.1:${server.address().port}`))
stdin.resume()
stdin.on('end', async () => {
  server.close()
  server.closeAllConnections()
  await vite.close()
})
