/** The one element of that kind that `selector` names. Throws when there is none: the markup above is ours. */
export function find<T extends Element>(root: ParentNode, selector: string, kind: new () => T): T {
  const element = root.querySelector(selector)
  if (!(element instanceof kind)) throw new Error(`The player's markup has no ${selector}.`)
  return element
}
