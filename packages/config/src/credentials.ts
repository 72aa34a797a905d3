import { Secret, type ServerAddress } from './connection-settings.ts';
import { connectionKeys, loginForms } from './keys/connection-keys.ts';
import { quote } from './remarks.ts';
import type { SectionReader } from './section-reader.ts';

export interface Credentials {
  readonly authType: 'Kerberos' | 'Basic';
  readonly login: string | undefined;
  readonly password: Secret | undefined;
  readonly keytab: string | undefined;
  readonly principal: string | undefined;
  readonly realm: string | undefined;
  readonly allowUnencryptedBasic: boolean;
  /** A login is there that wants a password, and no source gave one. */
  readonly passwordMissing: boolean;
}

export function readAuthType(reader: SectionReader): 'Kerberos' | 'Basic' {
  const value = reader.find('AuthType');
  if (value === undefined) return 'Kerberos';
  const word = value.kind === 'text' ? value.value.trim().toLowerCase() : undefined;
  if (word === 'kerberos') return 'Kerberos';
  if (word === 'basic') return 'Basic';
  return reader.refuse('AuthType', value, '"Kerberos" (the default) or "Basic"') ?? 'Kerberos';
}

/** What is wrong with a login for Kerberos; undefined when nothing is. */
function findKerberosLoginFault(login: string, realm: string | undefined): string | undefined {
  if (login.includes('\\')) {
    const [domain, user, ...rest] = login.split('\\');
    if (!domain || !user || rest.length > 0 || login.includes('@')) return 'is not of the form DOMAIN\\user';
    return realm === undefined
      ? 'is of the form DOMAIN\\user, and Realm is missing: the Kerberos realm of that domain, like CONTOSO.COM'
      : undefined;
  }
  if (!login.includes('@')) {
    return realm === undefined ? 'names neither a realm nor a domain, and Realm is missing' : undefined;
  }
  const at = login.lastIndexOf('@');
  return at === 0 || at === login.length - 1 || /\s/.test(login.slice(at))
    ? 'is not of the form user@REALM'
    : undefined;
}

function readRealm(reader: SectionReader): string | undefined {
  const { allowed } = connectionKeys.Realm.form;
  const realm = reader.text('Realm', allowed);
  const value = reader.find('Realm');
  if (realm === undefined || value === undefined) return undefined;
  if (!/^[^\s@/\\:]+$/.test(realm)) return reader.refuse('Realm', value, allowed);
  if (/[a-z]/.test(realm))
    reader.remarks.warn(
      value.origin,
      `the realm ${JSON.stringify(realm)} has small letters; the realm of a Windows domain is written in capitals, and case counts`,
    );
  return realm;
}

/** A password from the settings; any text but the empty one, and it is never shown. */
function readPassword(reader: SectionReader): Secret | undefined {
  const value = reader.find('Password');
  if (value === undefined) return undefined;
  if (value.kind !== 'text') return reader.refuse('Password', value, 'a text in double quotes');
  if (value.value === '') {
    reader.remarks.error(value.origin, 'is empty; allowed is a text, or leave it out');
    return undefined;
  }
  return new Secret(value.value);
}

function checkBasic(reader: SectionReader, found: Credentials, servers: readonly ServerAddress[]): void {
  const { remarks } = reader;
  const login = reader.find('Login');
  if (login === undefined)
    remarks.error(
      reader.originOf('Login'),
      'is required with AuthType Basic and missing; allowed is the account’s name',
    );
  // What follows the ":" may be a password, written there by mistake.
  else if (found.login?.includes(':'))
    remarks.error(
      login.origin,
      `found ${quote(`${found.login.split(':', 1)[0]}:…`)}: it contains ":", which a Basic login cannot hold; allowed is the account’s name without it`,
    );
  const plain = servers.filter((server) => server.protocol === 'http');
  if (plain.length > 0 && !found.allowUnencryptedBasic)
    remarks.error(
      reader.originOf('Server'),
      `AuthType Basic would send the password readable over ${plain.map((server) => server.url).join(', ')}; allowed is https, or AllowUnencryptedBasic true to send it all the same`,
    );
  for (const name of ['Keytab', 'Principal'])
    if (reader.find(name) !== undefined) remarks.warn(reader.originOf(name), 'has no effect with AuthType Basic');
}

function checkKerberos(reader: SectionReader, found: Credentials): void {
  const { remarks } = reader;
  if (found.login !== undefined) {
    const fault = findKerberosLoginFault(found.login, found.realm);
    if (fault !== undefined)
      remarks.error(
        reader.originOf('Login'),
        `found ${quote(found.login.replace(/:.*$/s, ':…'))}: it ${fault}; allowed is ${loginForms}`,
      );
  } else if (reader.find('Password') !== undefined && reader.find('Login') === undefined) {
    remarks.error(
      reader.originOf('Password'),
      `is given without Login; allowed is both, or neither to use the running account’s ticket or a keytab`,
    );
  }
  if (reader.find('Principal') !== undefined && reader.find('Keytab') === undefined)
    remarks.warn(reader.originOf('Principal'), 'has no effect without Keytab, whose principal it names');
  if (reader.find('Password') !== undefined && reader.find('Keytab') !== undefined)
    remarks.error(
      reader.originOf('Keytab'),
      'is given beside Password; allowed is one of the two, as each proves the account by itself',
    );
}

/**
 * Reads who connects, and how it is proven.
 *
 * @param givenPassword a password from outside the settings, for a login whose password they lack
 */
export function readCredentials(
  reader: SectionReader,
  authType: 'Kerberos' | 'Basic',
  servers: readonly ServerAddress[],
  givenPassword: { readonly text: string; readonly wins: boolean } | undefined,
): Credentials {
  const inSettings = readPassword(reader);
  const login = reader.text('Login', loginForms);
  // The two versions of the keytab file format begin with 05 01 and 05 02.
  const isKeytab = (start: Buffer) => start[0] === 5 && (start[1] === 1 || start[1] === 2);
  const keytab = reader.existingFile('Keytab', connectionKeys.Keytab.form.allowed, isKeytab);
  const wanted = authType === 'Basic' || (login !== undefined && reader.find('Keytab') === undefined);
  const given = wanted && givenPassword !== undefined ? new Secret(givenPassword.text) : undefined;
  const password = givenPassword?.wins === true ? (given ?? inSettings) : (inSettings ?? given);
  const found: Credentials = {
    authType,
    login,
    password,
    keytab,
    principal: reader.text('Principal', connectionKeys.Principal.form.allowed),
    realm: readRealm(reader),
    allowUnencryptedBasic: reader.flag('AllowUnencryptedBasic'),
    passwordMissing: wanted && password === undefined && reader.find('Password') === undefined,
  };
  if (authType === 'Basic') checkBasic(reader, found, servers);
  else checkKerberos(reader, found);
  if (found.passwordMissing) {
    const [cause, keytabToo] = authType === 'Basic' ? ['AuthType Basic', ''] : ['Login', ', a Keytab'];
    reader.remarks.error(
      reader.originOf('Password'),
      `is required with ${cause} and missing; allowed is a text here${keytabToo}, the environment variable EXCHANGE_PASSWORD, or --password-stdin`,
    );
  }
  return found;
}
