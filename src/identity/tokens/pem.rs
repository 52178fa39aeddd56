use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P384_SHA384_FIXED, ED25519, ParsedPublicKey, RSA_PKCS1_2048_8192_SHA256,
    VerificationAlgorithm,
};
use jsonwebtoken::{Algorithm, AlgorithmFamily, DecodingKey};

type Reader = fn(&[u8]) -> jsonwebtoken::errors::Result<DecodingKey>;

/// One public key, and what it is good for. The kind of a key is what the key is, never what somebody calls it.
pub(super) fn public_key(text: &[u8]) -> Result<(Vec<Algorithm>, DecodingKey), &'static str> {
    let text_of = std::str::from_utf8(text).unwrap_or_default();
    let labels: Vec<&str> = text_of.lines().filter_map(|line| line.trim().strip_prefix("-----BEGIN ")).collect();
    // A private key would do too, as far as the library goes; but then it lies where it should not.
    if !matches!(labels.as_slice(), ["PUBLIC KEY-----" | "RSA PUBLIC KEY-----"]) {
        return Err("is no public key: write a PEM file with one `PUBLIC KEY`");
    }
    let sorts: [(Reader, AlgorithmFamily); 3] = [
        (DecodingKey::from_ed_pem, AlgorithmFamily::Ed),
        (DecodingKey::from_ec_pem, AlgorithmFamily::Ec),
        (DecodingKey::from_rsa_pem, AlgorithmFamily::Rsa),
    ];
    for (read, family) in sorts {
        let Ok(key) = read(text) else { continue };
        let bytes = key.try_get_as_bytes().unwrap_or_default();
        let fits = |sort: &'static dyn VerificationAlgorithm| ParsedPublicKey::new(sort, bytes).is_ok();
        let algorithms: &[Algorithm] = match family {
            AlgorithmFamily::Ed if fits(&ED25519) => &[Algorithm::EdDSA],
            AlgorithmFamily::Ec if fits(&ECDSA_P256_SHA256_FIXED) => &[Algorithm::ES256],
            AlgorithmFamily::Ec if fits(&ECDSA_P384_SHA384_FIXED) => &[Algorithm::ES384],
            AlgorithmFamily::Rsa if fits(&RSA_PKCS1_2048_8192_SHA256) => AlgorithmFamily::Rsa.algorithms(),
            _ => continue,
        };
        return Ok((algorithms.to_vec(), key));
    }
    Err("is no key that can be used: Ed25519, P-256, P-384, or RSA of 2048 to 8192 bits")
}
