/** Just enough XML to write a manifest: elements with attributes, escaped, indented by two spaces. */

/** An attribute's value; undefined leaves it out. */
export type XmlValue = string | number | boolean | undefined

export type XmlElement = {
  readonly name: string
  readonly attributes: Readonly<Record<string, XmlValue>>
  /** Elements, or lines that are already XML (from `formatElement`). */
  readonly children: readonly (XmlElement | string)[]
}

/** An element; attributes are written in the order given. */
export function element(
  name: string,
  attributes: Readonly<Record<string, XmlValue>>,
  children: readonly (XmlElement | string)[] = [],
): XmlElement {
  return { name, attributes, children }
}

/** An element that holds text only, on one line. */
export function textElement(name: string, text: string, indent: string): string {
  return `${indent}<${name}>${escapeText(text)}</${name}>`
}

/** A document with its declaration, ending with a line feed. */
export function formatDocument(root: XmlElement): string {
  return `<?xml version="1.0" encoding="UTF-8"?>\n${formatElement(root, '')}\n`
}

/** One element and what is in it; the first line starts with `indent`, the last has no line feed. */
export function formatElement(node: XmlElement, indent: string): string {
  let head = `${indent}<${node.name}`
  for (const [name, value] of Object.entries(node.attributes)) {
    if (value !== undefined) head += ` ${name}="${escapeAttribute(String(value))}"`
  }
  if (node.children.length === 0) return `${head}/>`
  const inside = node.children.map((child) =>
    typeof child === 'string' ? child : formatElement(child, `${indent}  `),
  )
  return `${head}>\n${inside.join('\n')}\n${indent}</${node.name}>`
}

/** XML 1.0 §2.3 and §2.2: what may not stand in a quoted value is escaped, what may not stand in a document dropped. */
function escapeAttribute(text: string): string {
  return escapeText(text).replaceAll(
    /["'\t\n\r]/g,
    (found) => ENTITIES[found] ?? `&#${found.codePointAt(0)};`,
  )
}

function escapeText(text: string): string {
  return text.replaceAll(NOT_XML, '').replaceAll(/[&<>]/g, (found) => ENTITIES[found] ?? found)
}

const NOT_XML = /(?![\t\n\r])\p{Cc}|\p{Cs}|\uFFFE|\uFFFF/gu
const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&apos;',
}
