/** Long lists, a slice at a time: between two slices everybody else has a turn of the event loop. */

/** What of a list is done in one turn: a millisecond or two for what is made of a record. */
export const SLICE = 100

/** What `make` makes of each of `items`, in their order. A list of one slice is done at once. */
export async function mapInSlices<Item, Made>(
  items: readonly Item[],
  make: (item: Item) => Made,
): Promise<Made[]> {
  const made: Made[] = []
  for (let start = 0; start < items.length; start += SLICE) {
    if (start > 0) await new Promise<void>((resolve) => setImmediate(resolve))
    for (const item of items.slice(start, start + SLICE)) made.push(make(item))
  }
  return made
}
