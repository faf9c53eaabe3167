# Builds this checkout: nix-build -E 'with import <nixpkgs> {}; callPackage ./packaging/nix/package.nix {}'
# Needs the Rust of Cargo.toml's rust-version. Nothing here needs a hash: Cargo.lock has them.
{ lib, rustPlatform }:

let
  manifest = (builtins.fromTOML (builtins.readFile ../../Cargo.toml)).package;
in
rustPlatform.buildRustPackage {
  pname = manifest.name;
  inherit (manifest) version;
  src = lib.cleanSource ../..;
  cargoLock.lockFile = ../../Cargo.lock;

  # They start the programs of a whole system: tests/run has them.
  doCheck = false;

  # The binary is where cargo has put it, and is laid out again with everything else.
  postInstall = ''
    mv $out/bin/awsfresh awsfresh-built
    packaging/tree.sh ./awsfresh-built $out $out
  '';

  meta = {
    inherit (manifest) description;
    license = with lib.licenses; [ asl20 mit ];
    mainProgram = "awsfresh";
    platforms = lib.platforms.linux ++ lib.platforms.darwin;
  };
}
