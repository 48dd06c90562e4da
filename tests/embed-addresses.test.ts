/** How the scripts for other people's pages read and write the address of a framed player; pure. */

import { describe, expect, test } from 'vitest'
import { initialState, readId, readOrigin, withId, withOptions } from '../web/embed/player-address.ts'
import { readOptionState } from '../web/embed/protocol.ts'
import { frameAddress, propertyOf, type Tag } from '../web/embed/tag-attributes.ts'

const PLAYER = 'https://video.example/base/0123/iframe'

test.each([
  [PLAYER, '0123', 'https://video.example'],
  [`${PLAYER}/?muted`, '0123', 'https://video.example'],
  ['http://a.example:81/aa.bb.cc/iframe', 'aa.bb.cc', 'http://a.example:81'],
  ['https://video.example/0123/watch', '', 'https://video.example'],
  ['about:blank', '', null],
  ['', '', null],
])('the address %s is the player of %s at %s', (address, id, origin) => {
  expect([readId(address), readOrigin(address)]).toEqual([id, origin])
})

test('before a player has loaded it is as its address says', () => {
  const address = `${PLAYER}?muted&controls=false&preload=auto&startTime=1m&primaryColor=%23F48120&ad-url=https%3A%2F%2Fa.example%2F`
  expect(initialState(address)).toMatchObject({
    muted: true,
    controls: false,
    loop: false,
    autoplay: false,
    preload: 'auto',
    startTime: '1m',
    primaryColor: '#F48120',
    letterboxColor: '',
    adUrl: 'https://a.example/',
    poster: '',
    paused: true,
    ended: false,
    currentTime: 0,
    volume: 1,
    duration: Number.NaN,
    buffered: [],
  })
  expect(initialState('about:blank')).toMatchObject({ controls: true, preload: 'none' })
})

test('what has changed goes into the address, what has not stays as it was written', () => {
  const address = `${PLAYER}?muted&loop=1&other=x`
  const options = readOptionState(new URL(address).searchParams)
  expect(withOptions(address, options)).toBe(address)
  expect(
    withOptions(address, { ...options, loop: false, primaryColor: '#fff', adUrl: 'https://a.example/?b' }),
  ).toBe(`${PLAYER}?muted=&loop=false&other=x&primaryColor=%23fff&ad-url=https%3A%2F%2Fa.example%2F%3Fb`)
})

test('another video keeps the options but its start and poster, and an id cannot leave its place', () => {
  expect(withId(`${PLAYER}?muted=true&startTime=9&poster=a`, 'aa.bb')).toBe(
    'https://video.example/base/aa.bb/iframe?muted=true',
  )
  expect(withId(PLAYER, '../../x?y')).toBe('https://video.example/base/..%2F..%2Fx%3Fy/iframe')
})

describe('a stream tag', () => {
  const base = new URL('https://video.example/base/')
  const tag = (attributes: Record<string, string>): Tag => ({
    getAttribute: (name) => attributes[name] ?? null,
    getAttributeNames: () => Object.keys(attributes),
  })

  test.each<[Record<string, string>, string | null]>([
    [{ id: '0123' }, ''],
    [{ src: '0123', controls: '' }, '?controls=true'],
    [{ src: '0123' }, '?controls=false'],
    [{ src: '0123', controls: 'false' }, '?controls=false'],
    [
      { id: 'other', src: '0123', controls: '', muted: '', loop: 'false' },
      '?controls=true&muted=true&loop=false',
    ],
    [
      { src: '0123', controls: '', preload: '', 'primary-color': '#fff', starttime: '5s', class: 'x' },
      '?controls=true&preload=auto&primaryColor=%23fff&startTime=5s',
    ],
    [{ controls: '' }, null],
  ])('%o leads to %s', (attributes, query) => {
    expect(frameAddress(tag(attributes), base)).toBe(query === null ? null : `${PLAYER}${query}`)
  })

  test.each<[string, Record<string, string>, unknown]>([
    ['muted', { muted: '' }, { name: 'muted', value: true }],
    ['muted', {}, { name: 'muted', value: false }],
    ['poster', {}, { name: 'poster', value: '' }],
    ['letterboxcolor', { letterboxcolor: 'red' }, { name: 'letterboxColor', value: 'red' }],
    ['src', { src: '4567' }, { name: 'src', value: '4567' }],
    ['class', { class: 'x' }, null],
  ])('its attribute %s of %o becomes %o', (attribute, attributes, property) => {
    expect(propertyOf(tag(attributes), attribute)).toEqual(property)
  })
})
