/** Damaged copies of a good text such as a header or a whole request: pieces of the format where they do not belong. */

import { mutate } from './mutate.ts'

/** A copy of `seed` with one to four things wrong; `words` are what the format is made of. */
export function mutateText(seed: Uint8Array, random: () => number, words: readonly string[]): Uint8Array {
  const pick = (limit: number): number => Math.floor(random() * limit)
  if (pick(3) === 0) return mutate(seed, random)
  let text = Buffer.from(seed).toString('latin1')
  for (let left = 1 + pick(4); left > 0; left -= 1) {
    const at = pick(text.length + 1)
    const word = words[pick(words.length)] ?? ''
    switch (pick(4)) {
      case 0:
        text = text.slice(0, at) + word + text.slice(at)
        break
      case 1:
        text = text.slice(0, at) + word + text.slice(at + 1 + pick(12))
        break
      case 2:
        text = text.replace(word, words[pick(words.length)] ?? '')
        break
      default:
        text = damageLine(text, pick)
    }
  }
  return new Uint8Array(Buffer.from(text, 'latin1'))
}

/** One line left out, doubled or moved to the end. */
function damageLine(text: string, pick: (limit: number) => number): string {
  const lines = text.split('\r\n')
  const [line = ''] = lines.splice(pick(lines.length), 1)
  const how = pick(3)
  if (how === 1) lines.splice(pick(lines.length + 1), 0, line, line)
  if (how === 2) lines.push(line)
  return lines.join('\r\n')
}
