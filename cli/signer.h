/* SPDX-License-Identifier: Apache-2.0 */
/* signer.h: an admin's key that is not here: an agent, a smartcard, a machine behind a program
 * (features.md N-05). The program gets the signed text on its standard input, and gives the base64 of
 * the 64 bytes of an Ed25519 signature of exactly these bytes on its standard output. */
#ifndef P2POS_CLI_SIGNER_H
#define P2POS_CLI_SIGNER_H

#include "cli/cli.h"
#include "proto/base/bytes.h"
#include "proto/keys/key.h"

#define SIGNER_MS 300000 /* unless --timeout says otherwise: somebody may have to type a PIN */

/* Runs `command` in a shell. 0 with the signature, not verified yet; or the exit code after the message. */
int signer_run(struct cli *c, const char *command, struct bytes text, uint8_t ret_sig[KEY_SIGNATURE_BYTES]);

#endif
