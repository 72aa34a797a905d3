/* What gives itself away wherever it stands, without a name beside it. */
import type { Finding, FindingKind } from './finding.ts';
import { isCredential, looksRandom, meaningOfName } from './value-judgement.ts';

interface Shape {
  readonly kind: FindingKind;
  readonly name: string;
  /** With the flags `g` and `d`; its group `value` is the credential. Every quantifier is bounded or single. */
  readonly pattern: RegExp;
  readonly accepts?: (value: string, match: RegExpExecArray) => boolean;
}

const isPassword = (value: string) => isCredential(value, 'secret', true);

const shapes: readonly Shape[] = [
  {
    kind: 'address-login',
    name: 'password in an address',
    pattern: /\b[A-Za-z][A-Za-z0-9+.-]{1,20}:\/\/[^\s:/?#@"'<>\\]{1,100}:(?<value>[^\s/?#@"'<>\\]{1,200})@[\w.[-]/dg,
    accepts: isPassword,
  },
  {
    kind: 'private-key',
    name: 'private key',
    pattern:
      /(?<value>-----BEGIN (?:RSA |EC |DSA |OPENSSH |PGP )?PRIVATE KEY(?: BLOCK)?-----)(?!\s*(?:\\[rn]|\s)*Proc-Type: 4,ENCRYPTED)(?:\\[rn]|\s)+[A-Za-z0-9+/:]/dg,
  },
  { kind: 'token', name: 'AWS access key', pattern: /\b(?<value>(?:AKIA|ASIA)[A-Z0-9]{16})\b/dg },
  {
    kind: 'token',
    name: 'GitHub token',
    pattern: /\b(?<value>(?:gh[pousr]_[A-Za-z0-9]{36,255}|github_pat_\w{60,255}))\b/dg,
  },
  { kind: 'token', name: 'Slack token', pattern: /\b(?<value>xox[abeoprs]-[A-Za-z0-9-]{10,200})/dg },
  { kind: 'token', name: 'Google API key', pattern: /\b(?<value>AIza[A-Za-z0-9_-]{35})(?![A-Za-z0-9_-])/dg },
  {
    kind: 'token',
    name: 'Azure client secret',
    pattern: /(?<![\w~.-])(?<value>[\w~.-]{3}8Q~[\w~.-]{34})(?![\w~.-])/dg,
  },
  { kind: 'token', name: 'Azure storage key', pattern: /AccountKey=(?<value>[A-Za-z0-9+/]{86}==)/dg },
  {
    kind: 'token',
    name: 'Authorization header',
    pattern:
      /\bAuthorization["']?\s{0,4}[:=]\s{0,4}["']?(?:Basic|Bearer)\s{1,4}(?<value>[A-Za-z0-9+/=_.~-]{8,4096})/dgi,
    accepts: (value) => looksRandom(value),
  },
  {
    kind: 'connection-string',
    name: 'password of a connection string',
    pattern: /(?<![\w.-])(?:Password|Pwd|AccountKey|SharedAccessKey)\s{0,4}=\s{0,4}(?<value>[^;"'<>\r\n]{1,300})/dgi,
    accepts: (value, match) => isPassword(value) && !/[(){}[\]]|^[$=]/.test(value) && isInConnectionString(match),
  },
  {
    kind: 'command-argument',
    name: 'ConvertTo-SecureString -AsPlainText',
    pattern:
      /\bConvertTo-SecureString\s{1,10}(?:-(?!AsPlainText)\w+\s{1,10}){0,3}(?<quote>["'])(?<value>(?:(?!\k<quote>).){1,300})\k<quote>[^\r\n|]{0,200}-A\w*/dgi,
    accepts: isPassword,
  },
  {
    kind: 'command-argument',
    name: '-AsPlainText -Force',
    pattern:
      /\bConvertTo-SecureString\s{1,10}[^\r\n|]{0,100}-AsPlainText[^\r\n|"']{0,60}\s(?<quote>["'])(?<value>(?:(?!\k<quote>).){1,300})\k<quote>/dgi,
    accepts: isPassword,
  },
  {
    kind: 'command-argument',
    name: 'piped password',
    pattern:
      /(?<quote>["'])(?<value>(?:(?!\k<quote>)[^\r\n]){2,300})\k<quote>\s{0,10}\|\s{0,10}ConvertTo-SecureString\b[^\r\n]{0,100}-AsPlainText/dgi,
    accepts: isPassword,
  },
  {
    kind: 'command-argument',
    name: 'password argument',
    pattern:
      /(?<=[\s"'[,(])(?<option>--?(?:[a-z]+-)?(?:password|passwd|passphrase|pwd)|\/p(?:assword)?:|--?client-secret|--?api-key)(?:\s{1,4}|[=:]?)(?<quote>["']?)(?<value>(?!-)[^\s"'`,;|&<>()]{2,300})\k<quote>(?=$|[\s"',;)\]])/dgim,
    accepts: (value, match) =>
      /[\s=:]/.test(match[0].slice((match.groups?.['option'] ?? '').length - 1, -value.length)) &&
      isPassword(value) &&
      !/^[A-Za-z]+(?:-[A-Za-z]+)+$/.test(value),
  },
  {
    kind: 'command-argument',
    name: 'curl login',
    pattern: /\bcurl\b[^\r\n|;]{0,300}?\s(?:-u|--user)[ =]{1,4}["']?[^\s:"']{1,100}:(?<value>[^\s"']{1,200})/dgi,
    accepts: isPassword,
  },
  {
    kind: 'command-argument',
    name: 'net use password',
    pattern: /\bnet(?:\.exe)?\s{1,4}use\s[^\r\n]{0,200}\s\/user:\S{1,100}\s{1,4}(?<value>[^\s/"]\S{1,200})/dgi,
    accepts: isPassword,
  },
]; // prettier-ignore

/** Other pairs stand beside it, parted by semicolons: `Server=db;Password=…`. */
function isInConnectionString({ input, index, 0: { length } }: RegExpExecArray): boolean {
  const before = input.slice(Math.max(0, index - 300), index);
  const after = input.slice(index + length, index + length + 80);
  return (
    /=[^;\r\n]{0,200};\s{0,4}$/.test(before) || (/^;\s{0,4}[\w ]{1,40}=/.test(after) && /(?:^|["'>=\s])$/.test(before))
  );
}

/** Finds what needs no name. */
export function findKnownShapes(text: string): Finding[] {
  const findings: Finding[] = [];
  for (const { kind, name, pattern, accepts } of shapes) {
    for (const match of text.matchAll(pattern)) {
      const at = match.indices?.groups?.['value']?.[0];
      const value = match.groups?.['value'];
      if (at === undefined || value === undefined) continue;
      if (accepts === undefined || accepts(value, match as RegExpExecArray)) findings.push({ kind, name, at });
    }
  }
  return findings;
}

/** A value that is a connection string, an address or the like says its secrets by itself. */
export function isNamedSecret(name: string, value: string, plainWords: boolean): boolean {
  return isCredential(value, meaningOfName(name), plainWords);
}
