/** OpenSSH's formats: public keys, signatures (SSHSIG) and user certificates. Reads no file and runs no program. */
export { isCertificateLine, parseCertificate, textOption, type Certificate } from './certificate.ts';
export { fingerprintOf, keyOfBlob, parsePublicKey, type PublicKey } from './keys.ts';
export { checkSignature, isSigned, signatureBlob, signerOf } from './sshsig.ts';
export { Reader, sshString, uint32 } from './wire.ts';
