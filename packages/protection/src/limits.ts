/** What is read here at most; each is far above what is met, and bounds time and memory. */
export const limits = {
  /** A PFX, PEM or certificate file; a chain of ten certificates takes some 20 KiB. */
  certificateFileBytes: 1 << 20,
  /** A settings file. */
  jsonFileBytes: 4 << 20,
  /** Objects and arrays inside each other in a settings file. */
  jsonDepth: 64,
  /** One encrypted leaf, as text. */
  leafCharacters: 256 << 10,
  /** One value to be encrypted, in UTF-8. */
  valueBytes: 64 << 10,
  /** A file of a key that wraps a password. */
  keyFileBytes: 4096,
  /** ASN.1 elements inside each other. */
  asn1Depth: 32,
  /** Bags and certificates in a PFX. */
  pfxBags: 500,
  /** Rounds of key derivation over a whole PFX: an attacker's file must not hold the program for minutes. */
  pfxIterations: 5_000_000,
  /** RSA keys: shorter ones are weak, longer ones take seconds for each leaf. */
  smallestRsaBits: 2048,
  largestRsaBits: 16_384,
  /** What stands before the content of an envelope: the recipients. */
  envelopeHeaderBytes: 256 << 10,
  /** What stands after the content of an envelope. */
  envelopeTrailerBytes: 64 << 10,
  /** Recipients of an envelope. */
  envelopeRecipients: 100,
  /** Bytes that AES-GCM may encrypt under one nonce (NIST SP 800-38D, 5.2.1.1). */
  gcmBytes: 2 ** 36 - 32,
} as const;
