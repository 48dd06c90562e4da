import { expect, test } from 'vitest'
import { silentLog } from '../lib/log.ts'
import type { LiveDoor } from '../live-ports.ts'
import { createLiveRole, type OpenLiveServer } from './live.ts'

const DOOR: LiveDoor = {
  findSrt: async () => undefined,
  publish: () => Promise.reject(new Error('nobody publishes here')),
  play: () => Promise.reject(new Error('nobody plays here')),
}

function rehearse() {
  const done: string[] = []
  const server =
    (name: string): OpenLiveServer =>
    async (door) => {
      expect(door).toBe(DOOR)
      done.push(`open ${name}`)
      return { ports: { [name]: 1 }, close: async () => void done.push(`close ${name}`) }
    }
  const broadcasting = {
    door: DOOR,
    start: async () => void done.push('start'),
    stop: async () => void done.push('stop'),
  }
  return { done, server, broadcasting }
}

test('servers open after the broadcasts are taken up, and close before they are put down, once', async () => {
  const { done, server, broadcasting } = rehearse()
  const role = createLiveRole({ broadcasting, log: silentLog, servers: [server('one'), server('two')] })
  await role.start()
  await role.stop()
  expect(done).toEqual(['start', 'open one', 'open two', 'close two', 'close one', 'stop'])
})

test('a server that cannot open closes those that are open already', async () => {
  const { done, server, broadcasting } = rehearse()
  const taken: OpenLiveServer = () => Promise.reject(new Error('the port is taken'))
  const role = createLiveRole({ broadcasting, log: silentLog, servers: [server('one'), taken] })
  await expect(role.start()).rejects.toThrow('the port is taken')
  expect(done).toEqual(['start', 'open one', 'close one', 'stop'])
})
