// What a gateway needs besides its database to stand up on a new machine: configuration,
// certificates, list of the revoked; and, apart from them, its keys. Two folders, so that who has
// the one cannot read a value or speak as the centre, and who has the other has nothing to read.
//
//   FOLDER/central.db, central-gateway.toml, pki/*.crt, pki/former/*.crt, pki/crl.pem,
//          notices/*.txt, manifest.json
//   KEYS/central.key, pki/*.key, pki/former/*.key, manifest.json                 (0600, folder 0700)
//
// Likewise pki/retired. Each manifest holds the SHA-256 of every file, and is compared before
// anything is put in place.
#pragma once

#include "central-gateway/admin/installation.h"

namespace edcsync::central {

// Nothing happens if it is there.
Status MakeBackupFolder(const std::string& folder);
// Puts everything but the database into `folder`. REQUIRES: made, and empty but for central.db.
Status CopyWithoutKeys(const Installation& installation, const std::string& folder);
// Makes `folder`. `key_file`: where the key lies that opens the database; empty: in no file.
Status CopyKeys(const Installation& installation, const std::string& key_file,
                const std::string& folder);
// kBusy if a certificate of the one folder has another key in the other: it was rotated meanwhile,
// and the backup must be made again.
Status CheckPairs(const std::string& folder, const std::string& keys_folder);
// Writes manifest.json over all that lies in `folder`.
Status WriteManifest(const std::string& folder, WallTime now);

// kCorrupt if a file is absent, altered or not in the manifest; kNotFound without a manifest.
Status VerifyManifest(const std::string& folder);

// Puts files of both folders where the installation has them, but not the database. A file that is
// there already must be the same (kAlreadyExists names one that is not). REQUIRES: both verified.
Status PutBack(const Installation& installation, const std::string& key_file,
               const std::string& folder, const std::string& keys_folder);

}  // namespace edcsync::central
