// What a gateway needs besides its database to stand up on a new machine: configuration,
// certificates, list of the revoked; and, apart from them, its keys. Two folders, so that who has
// the one cannot read a value or speak as the centre, and who has the other has nothing to read.
//
//   FOLDER/central.db, central-gateway.toml, pki/*.crt, pki/crl.pem, notices/*.txt, manifest.json
//   KEYS/central.key, pki/*.key, manifest.json                                   (0600, folder 0700)
//
// Likewise pki/former, with which frames sealed to an earlier certificate open, and pki/retired.
//
// Each manifest holds the SHA-256 of every file, and is compared before anything is put in place.
#pragma once

#include "central-gateway/admin/installation.h"

namespace edcsync::central {

// Makes `folder` (absent or empty) with everything but the database, which the caller has put
// there as central.db before or puts there after; `Seal` below writes the manifest.
Status CopyWithoutKeys(const Installation& installation, const std::string& folder);
// `key_file`: the key that opens the database; passed over if it lies elsewhere than in a file.
Status CopyKeys(const Installation& installation, const std::string& key_file,
                const std::string& folder);
// kBusy unless each key that was copied is that of its certificate: one was rotated meanwhile, and the
// backup must be made again.
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
