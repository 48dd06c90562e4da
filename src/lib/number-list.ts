/** Numbers in the memory that they need: lists of a broadcast's segments grow for days. */

/** A list of finite numbers that only grows at its end: eight bytes each (`whole32`: four, for whole numbers below 2^32). */
export class NumberList {
  #values: Float64Array | Uint32Array
  #length = 0

  constructor(kind: 'any' | 'whole32' = 'any') {
    this.#values = kind === 'any' ? new Float64Array(FIRST_CAPACITY) : new Uint32Array(FIRST_CAPACITY)
  }

  get length(): number {
    return this.#length
  }

  /** What it takes in memory. */
  get sizeBytes(): number {
    return this.#values.byteLength
  }

  push(value: number): void {
    if (this.#length === this.#values.length) this.#values = grown(this.#values)
    this.#values[this.#length] = value
    this.#length += 1
  }

  /** undefined outside the list; counted from the end where `index` is negative. */
  at(index: number): number | undefined {
    const place = index < 0 ? this.#length + index : index
    return place >= 0 && place < this.#length ? this.#values[place] : undefined
  }

  /** How many of a rising list are at most `value`: one more than the index of the last of them. */
  countUpTo(value: number): number {
    let low = 0
    let high = this.#length
    while (low < high) {
      const middle = (low + high) >> 1
      if ((this.#values[middle] ?? 0) <= value) low = middle + 1
      else high = middle
    }
    return low
  }
}

/** Half as much again: what is too much stays small beside what is there. */
function grown(values: Float64Array | Uint32Array): Float64Array | Uint32Array {
  const capacity = Math.ceil(values.length * 1.5)
  const more = values instanceof Float64Array ? new Float64Array(capacity) : new Uint32Array(capacity)
  more.set(values)
  return more
}

const FIRST_CAPACITY = 64
