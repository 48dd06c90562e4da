/**
 * Asks one address again and again and prints each answer's milliseconds: a reader in a process of its own, so that the
 * senders beside it do not make it slow. Ends when its input ends.
 */

const PAUSE_MS = 10

const [url = '', token = ''] = process.argv.slice(2)
const over = new AbortController()
process.stdin.on('end', () => over.abort()).resume()
while (!over.signal.aborted) {
  const startMs = performance.now()
  const response = await fetch(url, { headers: { authorization: `Bearer ${token}` } })
  await response.arrayBuffer()
  if (!response.ok) throw new Error(`GET answered ${response.status}`)
  process.stdout.write(`${(performance.now() - startMs).toFixed(3)}\n`)
  await new Promise((resolve) => {
    setTimeout(resolve, PAUSE_MS)
  })
}
