/**
 * Passkeys: the JSON of WebAuthn Level 3 (5.1.8 to 5.1.10 PublicKeyCredential JSON) to what a browser takes, and back.
 * Written out here because not every browser has `parseCreationOptionsFromJSON` yet.
 */
import { fromBase64Url, toBase64Url } from "./encoding.js";

/** Whether this browser, at this address, can use passkeys at all. An IP address can own none. */
export function passkeysPossible() {
  return Boolean(globalThis.PublicKeyCredential && isSecureContext) && !/^[\d.]+$|^\[/.test(location.hostname);
}

/** Why it cannot, for the person. */
export function whyNoPasskeys() {
  if (!passkeysPossible() && /^[\d.]+$|^\[/.test(location.hostname)) {
    return "A passkey belongs to a name, not to an IP address: open this page as http://localhost instead.";
  }
  return "This browser has no passkeys.";
}

const known = (list) => (list ?? []).map((one) => ({ ...one, id: fromBase64Url(one.id) }));

/** Makes a passkey from the appliance's creation options; answers the credential's JSON. */
export async function makePasskey(options) {
  const publicKey = {
    ...options,
    challenge: fromBase64Url(options.challenge),
    user: { ...options.user, id: fromBase64Url(options.user.id) },
    excludeCredentials: known(options.excludeCredentials),
  };
  const made = await navigator.credentials.create({ publicKey });
  return {
    ...asJson(made),
    response: {
      clientDataJSON: toBase64Url(made.response.clientDataJSON),
      attestationObject: toBase64Url(made.response.attestationObject),
      transports: made.response.getTransports?.() ?? [],
    },
  };
}

/** Signs the appliance's challenge with a passkey; answers the assertion's JSON. */
export async function usePasskey(options) {
  const publicKey = {
    ...options,
    challenge: fromBase64Url(options.challenge),
    allowCredentials: known(options.allowCredentials),
  };
  const used = await navigator.credentials.get({ publicKey });
  const { clientDataJSON, authenticatorData, signature, userHandle } = used.response;
  return {
    ...asJson(used),
    response: {
      clientDataJSON: toBase64Url(clientDataJSON),
      authenticatorData: toBase64Url(authenticatorData),
      signature: toBase64Url(signature),
      ...(userHandle ? { userHandle: toBase64Url(userHandle) } : {}),
    },
  };
}

function asJson(credential) {
  return {
    id: credential.id,
    rawId: toBase64Url(credential.rawId),
    type: credential.type,
    authenticatorAttachment: credential.authenticatorAttachment ?? undefined,
    clientExtensionResults: credential.getClientExtensionResults(),
  };
}

/** What went wrong with a passkey, in a sentence. */
export function passkeyError(error) {
  if (error.name === "NotAllowedError") return "The passkey was not used: cancelled, or too late.";
  if (error.name === "InvalidStateError") return "This device has a passkey for this account already.";
  if (error.name === "SecurityError") return whyNoPasskeys();
  return error.message;
}
