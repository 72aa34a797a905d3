/*
 * The two ways to write where an object lies. Canonical names (`example.test/Staff/Nora`) escape `/` and `\`
 * by a backslash; distinguished names follow RFC 4514.
 */

/** One component of a canonical name. */
export function canonicalComponent(text: string): string {
  return text.replace(/[\\/]/g, '\\$&');
}

/** A relative distinguished name's value (RFC 4514, 2.4): special characters by backslash, a line feed as `\0A`. */
export function escapeRdn(text: string): string {
  const escaped = text
    .replace(/[,+"\\<>;=]/g, '\\$&')
    .replaceAll('\n', '\\0A')
    .replaceAll('\r', '\\0D');
  return escaped.replace(/^[ #]/, '\\$&').replace(/(?<!\\) $/, '\\ ');
}

/** `DC=emea,DC=example,DC=test` for `emea.example.test`. */
export function domainDn(domain: string): string {
  return domain
    .split('.')
    .map((label) => `DC=${label}`)
    .join(',');
}
