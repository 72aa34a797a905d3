export { RehearsalError, type RehearsalErrorCode } from './errors.ts';
export {
  AES_SHA1,
  AES_SHA2,
  type Realm,
  type RealmOptions,
  type RealmPrincipal,
  startRealm,
  type TicketRequest,
} from './realm.ts';
export { findProgram, findRealmPrograms, type RealmProgram, type RealmPrograms } from './realm-programs.ts';
export { type CertificateFlaw, type CertificateRequest, type MadeCertificate, makeCertificate } from './certificate.ts';
