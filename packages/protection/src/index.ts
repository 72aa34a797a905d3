export { ProtectionError, type ProtectionErrorCode, type ProtectionRecovery } from './errors.ts';
export {
  type Certificate,
  nameOf,
  type OaepHash,
  requireValid,
  type UnwrapKey,
  validityRemark,
} from './certificate/certificate.ts';
export {
  type CertificateSettings,
  openCertificate,
  type OpenCertificateOptions,
  type Revealable,
} from './certificate/open-certificate.ts';
export { decryptLeaf, encryptLeaf, type LeafShape, leafShapeOf } from './jwe/leaf.ts';
export { createLeafDecryptor, type LeafDecryptor } from './jwe/leaf-decryptor.ts';
export {
  createPasswordKeyFile,
  isWrappedPassword,
  requirePasswordKey,
  newPasswordKey,
  type PasswordKeySource,
  passwordKeyVariable,
  unwrapPassword,
  wrapPassword,
} from './password/wrapped-password.ts';
export { createEnvelopeWriter, type EnvelopeWriter } from './cms/envelope-writer.ts';
export { openEnvelope } from './cms/envelope-reader.ts';
export { decryptFile, type DecryptFileRequest } from './cms/decrypt-file.ts';
export {
  type ProtectedFile,
  protectJsonFile,
  type ProtectJsonRequest,
  type RotateRequest,
  rotateFiles,
} from './json/protect-json.ts';
export { openStateKey, StateKey } from './state/state-key.ts';
export { createPositionalCipher, type PositionalCipher } from './state/positional-cipher.ts';
export {
  createSealedBlocksWriter,
  isSealed,
  openSealedBlocks,
  type ReadableBytes,
  sealedMarkBytes,
} from './state/sealed-blocks.ts';
