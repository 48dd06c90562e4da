/** Signing keys and the tokens the service signs (spec §5), by the SDK in every version and field by field. */

import { createPrivateKey, createPublicKey, generateKeyPairSync, type JsonWebKey, verify } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type ApiServer, startApi } from '../harness/api-server.ts'
import { inSeconds, readPem, type ShownKey, strangersKey } from '../harness/sign-token.ts'
import { SDKS, violations } from './sdk.ts'

/** Versions 4 and 5 want a body, 6 and 7 do not know it. */
const noBody = { body: {} } as object

let server: ApiServer
beforeAll(async () => {
  server = await startApi()
})
afterAll(() => server.close())

async function call(method: string, path: string, body?: unknown) {
  const response = await fetch(`${server.apiUrl}/accounts/${server.accountId}/stream${path}`, {
    method,
    headers: { authorization: `Bearer ${server.token}` },
    body: body === undefined ? undefined : JSON.stringify(body),
  })
  const envelope = (await response.json()) as { result: unknown; errors: { code: number; message: string }[] }
  return { status: response.status, ...envelope }
}

const newKey = async () => (await call('POST', '/keys')).result as ShownKey & { created: string }
const tokenOf = (result: unknown) => (result as { token: string }).token
const read = (token: string) =>
  token
    .split('.', 2)
    .map((part) => JSON.parse(Buffer.from(part, 'base64url').toString()) as Record<string, unknown>)

describe.each(SDKS)('version %s of the SDK', (_version, create) => {
  const account = {
    get account_id() {
      return server.accountId
    },
  }

  test('makes, lists and deletes keys', async () => {
    const client = create({ baseURL: server.apiUrl, apiToken: server.token })
    const made = await client.stream.keys.create({ ...account, ...noBody })
    expect(made).toMatchObject({ id: expect.stringMatching(/^[0-9a-f]{32}$/) as string })
    const listed = await Array.fromAsync(client.stream.keys.get(account))
    expect(listed.at(-1)).toEqual({ id: made.id, created: made.created, key_id: made.id })
    expect(await client.stream.keys.delete(made.id ?? '', account)).toBe('Revoked')
    expect(await Array.fromAsync(client.stream.keys.get(account))).toEqual(listed.slice(0, -1))
  })

  test('makes tokens, with and without fields', async () => {
    const client = create({ baseURL: server.apiUrl, apiToken: server.token })
    const { uid } = await server.addVideo()
    const plain = await client.stream.token.create(uid, account)
    const [header, payload] = read(tokenOf(plain))
    expect(header).toEqual({ alg: 'RS256', kid: payload?.kid })
    expect(payload).toMatchObject({ sub: uid })
    const exp = inSeconds(600)
    const rules = [{ type: 'any' as const, action: 'allow' as const }]
    const full = await client.stream.token.create(uid, {
      ...account,
      exp,
      downloadable: true,
      accessRules: rules,
    })
    expect(read(tokenOf(full))[1]).toMatchObject({ sub: uid, exp, downloadable: true, accessRules: rules })
  })
})

test('every answer was as the vendor describes it', () => {
  expect(violations).toEqual([])
})

describe('a key', () => {
  test('is RSA of 2,048 bits, the same as PEM (PKCS#1) and as JWK, and shown once', async () => {
    const made = await newKey()
    expect(Object.keys(made)).toEqual(['id', 'pem', 'jwk', 'created'])
    const pem = Buffer.from(made.pem, 'base64').toString()
    expect(pem).toMatch(/^-----BEGIN RSA PRIVATE KEY-----\n/)
    const key = createPrivateKey(pem)
    expect(key.asymmetricKeyDetails).toMatchObject({ modulusLength: 2_048, publicExponent: 65_537n })
    const jwk = JSON.parse(Buffer.from(made.jwk, 'base64').toString()) as JsonWebKey
    expect(jwk).toMatchObject({ use: 'sig', kty: 'RSA', kid: made.id, alg: 'RS256' })
    expect(createPrivateKey({ key: jwk, format: 'jwk' }).equals(key)).toBe(true)
    const listed = JSON.stringify((await call('GET', '/keys')).result)
    expect(listed).toContain(made.id)
    expect(listed).not.toMatch(/pem|jwk/)
  })

  test('leaves nothing in the database that could sign, nor does the service’s own', async () => {
    const { id } = await newKey()
    await call('POST', `/${(await server.addVideo()).uid}/token`)
    const rows = await server.db.selectFrom('signing_keys').selectAll().execute()
    expect(rows.find((row) => row.id === id)?.sealed_pem).toBeNull()
    expect(rows.filter((row) => row.sealed_pem !== null)).toHaveLength(1)
    expect(JSON.stringify(rows)).not.toContain('PRIVATE KEY')
    expect(rows.some((row) => Buffer.from(row.sealed_pem ?? '', 'base64url').includes('PRIVATE KEY'))).toBe(
      false,
    )
  })

  test('that is unknown, malformed, the service’s own or deleted already cannot be deleted', async () => {
    const own = await server.db
      .selectFrom('signing_keys')
      .select('id')
      .where('sealed_pem', 'is not', null)
      .executeTakeFirstOrThrow()
    const { id } = await newKey()
    expect(await call('DELETE', `/keys/${id}`)).toMatchObject({ status: 200, result: 'Revoked' })
    for (const gone of [id, own.id, '0'.repeat(32), 'nonsense', id.toUpperCase()]) {
      expect(await call('DELETE', `/keys/${gone}`)).toMatchObject({ status: 404, errors: [{ code: 10003 }] })
    }
  })

  test('is refused as 400/10005 when the account has a thousand', async () => {
    const full = await startApi()
    try {
      const rows = Array.from({ length: 999 }, (_, index) => ({
        id: String(index).padStart(32, '0'),
        account_id: full.accountId,
        public_pem: '',
        sealed_pem: null,
        created_us: index,
      }))
      for (let at = 0; at < rows.length; at += 100) {
        await full.db
          .insertInto('signing_keys')
          .values(rows.slice(at, at + 100))
          .execute()
      }
      const ask = () =>
        fetch(`${full.apiUrl}/accounts/${full.accountId}/stream/keys`, {
          method: 'POST',
          headers: { authorization: `Bearer ${full.token}` },
        })
      const answers = await Promise.all([ask(), ask()])
      expect(answers.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([200, 400])
      expect(await (await ask()).json()).toMatchObject({ errors: [{ code: 10005 }] })
    } finally {
      await full.close()
    }
  })
})

describe('a token', () => {
  test('of the service is good for an hour, from an hour ago, and its key is not listed', async () => {
    const { uid } = await server.addVideo()
    const [header, payload] = read(tokenOf((await call('POST', `/${uid}/token`)).result))
    expect(Object.keys(payload ?? {})).toEqual(['sub', 'kid', 'exp', 'nbf'])
    expect(Number(payload?.exp) - Number(payload?.nbf)).toBe(7_200)
    const { result } = await call('GET', '/keys')
    expect((result as { id: string }[]).map(({ id }) => id)).not.toContain(header?.kid)
  })

  test('is signed with the key that id and pem name', async () => {
    const { uid } = await server.addVideo()
    const key = await newKey()
    const { result } = await call('POST', `/${uid}/token`, {
      id: key.id,
      pem: key.pem,
      exp: inSeconds(86_390),
      nbf: 0,
      flags: { original: true },
    })
    const token = tokenOf(result)
    const [header, payload] = read(token)
    expect(header).toEqual({ alg: 'RS256', kid: key.id })
    expect(payload).toMatchObject({ kid: key.id, nbf: 0, flags: { original: true } })
    const end = token.lastIndexOf('.')
    const signature = Buffer.from(token.slice(end + 1), 'base64url')
    const publicKey = createPublicKey(readPem(key.pem))
    expect(verify('RSA-SHA256', Buffer.from(token.slice(0, end)), publicKey, signature)).toBe(true)
  })

  const six = Array.from({ length: 6 }, () => ({ type: 'any', action: 'allow' }))
  const longList = Array.from({ length: 600 }, (_, index) => `10.0.${index >> 8}.${index & 255}`)
  test.each([
    [{ exp: 1 }, 10005],
    [{ exp: 4_000_000_000 }, 10005],
    [{ exp: 1.5 }, 10005],
    [{ exp: 'soon' }, 10004],
    [{ nbf: -1 }, 10005],
    [{ nbf: 4_000_000_000 }, 10005],
    [{ downloadable: 'yes' }, 10004],
    [{ accessRules: {} }, 10004],
    [{ accessRules: six }, 10005],
    [{ accessRules: [null] }, 10005],
    [{ accessRules: [{ type: 'ip.src', action: 'allow' }] }, 10005],
    [{ accessRules: [{ type: 'ip.src', action: 'allow', ip: ['10.0.0.0/33'] }] }, 10005],
    [{ accessRules: [{ type: 'ip.src', action: 'allow', ip: longList }] }, 10005],
    [{ accessRules: [{ type: 'ip.geoip.country', action: 'block', country: ['Norway'] }] }, 10005],
    [{ accessRules: [{ type: 'any', action: 'ask' }] }, 10005],
    [{ accessRules: [{ type: 'moon', action: 'block' }] }, 10005],
    [{ flags: 'original' }, 10004],
    [{ flags: { original: 1 } }, 10004],
    [{ id: '0'.repeat(32) }, 10005],
    [{ pem: 'AAAA' }, 10005],
  ])('asked for with %j is 400/%i', async (body, code) => {
    const { uid } = await server.addVideo()
    expect(await call('POST', `/${uid}/token`, body)).toMatchObject({ status: 400, errors: [{ code }] })
  })

  test('is 404/10003 for a video or a key that is not of this account', async () => {
    const { uid } = await server.addVideo()
    const stranger = await server.addVideo({ accountId: 'f'.repeat(32) })
    const { pem } = await newKey()
    for (const path of [`/${'0'.repeat(32)}/token`, '/nonsense/token', `/${stranger.uid}/token`]) {
      expect(await call('POST', path)).toMatchObject({ status: 404, errors: [{ code: 10003 }] })
    }
    for (const id of ['0'.repeat(32), 'nonsense']) {
      expect(await call('POST', `/${uid}/token`, { id, pem })).toMatchObject({ status: 404 })
    }
  })

  test('is 400/10005 with a pem that is another key, no RSA key, no key, or longer than any', async () => {
    const { uid } = await server.addVideo()
    const { id } = await newKey()
    const other = strangersKey().export({ type: 'pkcs1', format: 'pem' })
    const elliptic = generateKeyPairSync('ec', { namedCurve: 'P-256' })
    const texts = [
      other,
      createPublicKey(other).export({ type: 'pkcs1', format: 'pem' }),
      elliptic.privateKey.export({ type: 'sec1', format: 'pem' }),
      'no key',
      'x'.repeat(60_000),
      '',
    ]
    for (const text of texts) {
      const answer = await call('POST', `/${uid}/token`, { id, pem: Buffer.from(text).toString('base64') })
      expect(answer).toMatchObject({ status: 400, errors: [{ code: 10005 }] })
      expect(answer.errors[0]?.message).toMatch(/pem (?:must be|is not)/)
    }
  })
})
