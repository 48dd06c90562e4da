/** Attribute lists of HLS tags (RFC 8216 §4.2), written so that no value can break out of its place. */

/** One attribute: a name in capitals and a value that is already in its written form; undefined leaves it out. */
export type Attribute = readonly [name: string, value: string | undefined]

/** `NAME=value,NAME=value` in the given order. */
export function formatAttributes(attributes: readonly Attribute[]): string {
  return attributes.flatMap(([name, value]) => (value === undefined ? [] : [`${name}=${value}`])).join(',')
}

/**
 * A quoted-string. The format has no escape: line feeds, carriage returns and double quotes must not occur in it
 * (RFC 8216 §4.2), so a quote becomes an apostrophe and control characters become spaces.
 */
export function quoted(text: string): string {
  return `"${plainLine(text).replaceAll('"', "'")}"`
}

/** Text for a place that ends with the line, such as an address: control characters become spaces. */
export function plainLine(text: string): string {
  return text.replaceAll(CONTROL_CHARACTERS, ' ')
}

/** A decimal-floating-point with a fixed number of decimals. */
export function decimal(value: number, decimals: number): string {
  return value.toFixed(decimals)
}

/** A decimal-resolution, e.g. `1280x720`. */
export function resolution(size: { readonly width: number; readonly height: number }): string {
  return `${size.width}x${size.height}`
}

const CONTROL_CHARACTERS = /\p{Cc}/gu
