/** Characters that no connection identifier may hold: it becomes part of file names. */
const forbidden = /[<>:"/\\|?*_]/;
const longestTail = 441;

/**
 * What is wrong with a connection identifier, by the rule that it breaks; undefined when nothing is.
 * Two sets of rules hold at once: the connector's own, and the stricter form for identifiers in general.
 */
export function findIdentifierFault(id: string): string | undefined {
  if (id === '') return 'the identifier is empty; it begins with a letter';
  if (/^[0-9]/.test(id)) return 'the identifier begins with a digit; it must begin with a letter';
  const bad = forbidden.exec(id)?.[0];
  if (bad !== undefined) return `the identifier contains ${bad}, and none of < > : " / \\ | ? * _ is allowed in it`;
  if (!/^[A-Za-z]/.test(id)) return 'the identifier does not begin with a letter (A to Z, a to z)';
  const other = /[^A-Za-z0-9.-]/u.exec(id)?.[0];
  if (other !== undefined)
    return `the identifier contains ${JSON.stringify(other)}; after the first letter only letters (A to Z, a to z), digits, "." and "-" are allowed`;
  if (id.length > longestTail + 1)
    return `the identifier is ${id.length} characters long; at most ${longestTail} may follow the first letter`;
  return undefined;
}
