/** `npm run audit`: what it lets through and what not; and the real npm, asked for advisories by the whole script. */

import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { describe, expect, test } from 'vitest'
import { checkAdvisories, checkLicences } from '../scripts/audit.ts'

describe('licences', () => {
  const check = (name: string, license: string | undefined, optional = false) =>
    checkLicences({ '': {}, [`node_modules/x/node_modules/${name}`]: { license, optional } }, () => undefined)

  test.each([
    ['a', 'MIT', false],
    ['a', '(MIT OR GPL-3.0-only)', false],
    ['a', 'MIT AND Apache-2.0', false],
    ['a', 'MIT AND GPL-3.0-only', true],
    ['a', 'AGPL-3.0-only', true],
    ['a', 'SEE LICENSE IN LICENSE.md', true],
    ['a', undefined, true],
    ['@img/sharp-libvips-linux-x64', 'LGPL-3.0-or-later', false],
    ['@img/sharp-wasm32', 'Apache-2.0 AND LGPL-3.0-or-later AND MIT', false],
    ['img-sharp', 'LGPL-3.0-or-later', true],
  ])('%s under %s is refused: %s', (name, license, refused) => {
    expect(check(name, license).failed).toBe(refused)
  })

  test('a package for another system, of which nothing is here, is counted and not judged', () => {
    expect(check('a-darwin', undefined, true)).toEqual({
      failed: false,
      lines: ['licences: those of 0 packages are allowed; 1 for other systems are not here to be read'],
    })
  })

  test('what the package itself says counts before the lock file', () => {
    const found = checkLicences({ 'node_modules/a': { license: 'MIT' } }, () => 'SSPL-1.0')
    expect(found).toEqual({ failed: true, lines: ['licences: a has SSPL-1.0, which is not allowed'] })
  })
})

describe('advisories', () => {
  const report = (severity: string) =>
    JSON.stringify({
      vulnerabilities: {
        a: { name: 'a', via: [{ title: 'Bad things', url: 'https://example.com/GHSA-1', severity }] },
        b: { name: 'b', via: ['a'] },
      },
    })

  test.each([
    ['low', false],
    ['moderate', false],
    ['high', true],
    ['critical', true],
    ['of a kind that nobody knew', true],
  ])('of severity %s fail: %s', (severity, failed) => {
    expect(checkAdvisories(report(severity), '2026-01-01')).toEqual({
      failed,
      lines: [`advisories: a: Bad things (${severity}) https://example.com/GHSA-1`],
    })
  })

  test('that were looked at are told, and fail again after their day', () => {
    const accepted = { 'GHSA-1': { because: 'not used so', untilDay: '2026-03-31' } }
    expect(checkAdvisories(report('high'), '2026-03-31', accepted)).toMatchObject({
      failed: false,
      lines: [expect.stringContaining('accepted until 2026-03-31: not used so')],
    })
    expect(checkAdvisories(report('high'), '2026-04-01', accepted).failed).toBe(true)
  })

  test('that are none pass', () => {
    expect(checkAdvisories('{"auditReportVersion":2,"vulnerabilities":{}}', '2026-01-01')).toEqual({
      failed: false,
      lines: ['advisories: none for what the program runs on'],
    })
  })

  test.each([
    '',
    'not JSON',
    '{"message":"405 Method Not Allowed","statusCode":405,"error":{"summary":"","detail":""}}',
    '{"error":{"code":"ENOTFOUND","summary":"request to https://x failed","detail":""}}',
  ])('that could not be asked for are no failure, and it is said: %j', (printed) => {
    const { lines, failed } = checkAdvisories(printed, '2026-01-01')
    expect(failed).toBe(false)
    expect(lines.join()).toMatch(/^advisories: NOT CHECKED/)
  })
})

describe('npm run audit', () => {
  /** Runs the script with npm set up for a registry of this process. */
  async function audit(registry: RequestListener): Promise<{ code: number; said: string }> {
    const server = createServer(registry).listen(0, '127.0.0.1')
    await once(server, 'listening')
    const { port } = server.address() as AddressInfo
    try {
      const { stdout } = await promisify(execFile)(
        process.execPath,
        [fileURLToPath(new URL('../scripts/audit.ts', import.meta.url))],
        { env: { ...process.env, npm_config_registry: `http://127.0.0.1:${port}/` } },
      )
      return { code: 0, said: stdout }
    } catch (error) {
      const { code, stdout } = error as { code: number; stdout: string }
      return { code, said: stdout }
    } finally {
      server.closeAllConnections()
      server.close()
    }
  }

  const advisory = {
    id: 1,
    url: 'https://example.com/GHSA-1',
    title: 'Bad things',
    severity: 'high',
    vulnerable_versions: '*',
    cwe: [],
    cvss: { score: 9, vectorString: null },
  }

  test('fails for a dependency with an advisory, by the real npm', { timeout: 180_000 }, async () => {
    const { code, said } = await audit((incoming, outgoing) => {
      incoming.resume()
      const asked = incoming.url?.includes('advisories')
      outgoing.setHeader('content-type', 'application/json')
      outgoing.end(JSON.stringify(asked ? { fastify: [advisory] } : { name: 'fastify', versions: {} }))
    })
    expect(said).toContain('advisories: fastify: Bad things (high) https://example.com/GHSA-1')
    expect(said).toMatch(/^licences: those of \d+ packages are allowed/)
    expect(code).toBe(1)
  })
})
