//! The arguments of `keys`.

use clap::{Args, Subcommand};

/// The subcommands of `keys`.
#[derive(Debug, Subcommand)]
pub(crate) enum Keys {
    /// Move the keys of a profile from the AWS files into the store
    Import(KeyChange),
    /// Store new keys for a profile: asks for them, or reads them from stdin
    Add(KeyChange),
    /// List the stored keys
    List {
        /// Print one JSON document
        #[arg(long)]
        json: bool,
    },
    /// Delete the stored keys of a profile: AWS does not show the secret again
    Remove(KeyChange),
    /// Replace the stored keys of a profile at AWS: create, wait, deactivate and delete the old ones
    Rotate(KeyChange),
    /// Move the keys of a profile back into the credentials file
    Export {
        #[command(flatten)]
        change: KeyChange,
        /// Write them to the credentials file, in plain text
        #[arg(long, required = true)]
        to_file: bool,
    },
}

/// A change to the keys of one profile.
#[derive(Debug, Args)]
pub(crate) struct KeyChange {
    /// The profile
    pub(crate) profile: String,
    /// Do not ask first
    #[arg(short, long)]
    pub(crate) yes: bool,
}

pub(super) const KEYS_HELP: &str = "\
Stored keys are in the OS keyring, or in a sealed file where you name a key file that outlasts
restarts (AWSFRESH_KEY_FILE). AWS has to accept a key before it is stored. The config file gets its
ID, and a credential_process: tools and profiles with this source_profile find it.

Examples:
  awsfresh keys import ann             out of ~/.aws/credentials
  awsfresh keys export ann --to-file   back into it
  awsfresh keys rotate ann             a new key, and the old one deleted
  aws iam create-access-key | awsfresh keys add ann --yes";
