//! Partitions and their regions: credentials of one partition are not valid in another. Pure.
//! Source: partitions.json of the SDKs; opt-in regions:
//! <https://docs.aws.amazon.com/accounts/latest/reference/manage-acct-regions.html>

/// Regions that an account has to enable; tokens of the global STS endpoint do not work there.
const OPT_IN: &[&str] = &[
    "af-south-1",
    "ap-east-1",
    "ap-east-2",
    "ap-south-2",
    "ap-southeast-3",
    "ap-southeast-4",
    "ap-southeast-5",
    "ap-southeast-6",
    "ap-southeast-7",
    "ca-west-1",
    "eu-central-2",
    "eu-south-1",
    "eu-south-2",
    "il-central-1",
    "me-central-1",
    "me-south-1",
    "mx-central-1",
];

/// The other regions that the SDKs know, which every account can use from the start.
const OTHERS: &[&str] = &[
    "ap-northeast-1",
    "ap-northeast-2",
    "ap-northeast-3",
    "ap-south-1",
    "ap-southeast-1",
    "ap-southeast-2",
    "ca-central-1",
    "cn-north-1",
    "cn-northwest-1",
    "eu-central-1",
    "eu-isoe-west-1",
    "eu-north-1",
    "eu-west-1",
    "eu-west-2",
    "eu-west-3",
    "eusc-de-east-1",
    "sa-east-1",
    "us-east-1",
    "us-east-2",
    "us-gov-east-1",
    "us-gov-west-1",
    "us-iso-east-1",
    "us-iso-west-1",
    "us-isob-east-1",
    "us-isob-west-1",
    "us-isof-east-1",
    "us-isof-south-1",
    "us-west-1",
    "us-west-2",
];

/// Whether the SDKs know this region. AWS adds regions: one that is not known may exist.
pub(crate) fn is_known_region(region: &str) -> bool {
    is_opt_in(region) || OTHERS.contains(&region)
}

/// The partition a region belongs to.
pub(crate) fn of_region(region: &str) -> &'static str {
    match region.split('-').next() {
        Some("cn") => "aws-cn",
        Some("eusc") => "aws-eusc",
        Some("us") if region.starts_with("us-gov-") => "aws-us-gov",
        Some("us") if region.starts_with("us-iso-") => "aws-iso",
        Some("us") if region.starts_with("us-isob-") => "aws-iso-b",
        Some("us") if region.starts_with("us-isof-") => "aws-iso-f",
        Some("eu") if region.starts_with("eu-isoe-") => "aws-iso-e",
        _ => "aws",
    }
}

/// The partition an ARN belongs to; `None` for text that is not an ARN.
pub(crate) fn of_arn(arn: &str) -> Option<&str> {
    arn.strip_prefix("arn:")?.split(':').next()
}

/// The region of a partition's global services.
pub(crate) fn home_region(partition: &str) -> &'static str {
    match partition {
        "aws-cn" => "cn-northwest-1",
        "aws-us-gov" => "us-gov-west-1",
        "aws-eusc" => "eusc-de-east-1",
        "aws-iso" => "us-iso-east-1",
        "aws-iso-b" => "us-isob-east-1",
        "aws-iso-e" => "eu-isoe-west-1",
        "aws-iso-f" => "us-isof-south-1",
        _ => "us-east-1",
    }
}

/// The host of IAM in a partition, and the region that its requests are signed for; `None` where
/// awsfresh knows none, or none for FIPS.
/// <https://docs.aws.amazon.com/general/latest/gr/iam-service.html>
pub(crate) fn iam_endpoint(partition: &str, fips: bool) -> Option<(&'static str, &'static str)> {
    match (partition, fips) {
        ("aws", false) => Some(("iam.amazonaws.com", "us-east-1")),
        ("aws", true) => Some(("iam-fips.amazonaws.com", "us-east-1")),
        ("aws-cn", false) => Some(("iam.cn-north-1.amazonaws.com.cn", "cn-north-1")),
        ("aws-us-gov", _) => Some(("iam.us-gov.amazonaws.com", "us-gov-west-1")),
        _ => None,
    }
}

/// Home regions of the partitions that are reached over the internet.
pub(crate) const HOMES: &[&str] = &[
    "us-east-1",
    "us-gov-west-1",
    "cn-northwest-1",
    "eusc-de-east-1",
];

/// Whether an account has to enable this region.
pub(crate) fn is_opt_in(region: &str) -> bool {
    OPT_IN.contains(&region)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn regions_and_arns_name_their_partition() {
        for (region, partition) in [
            ("eu-west-1", "aws"),
            ("cn-north-1", "aws-cn"),
            ("us-gov-east-1", "aws-us-gov"),
            ("us-isob-east-1", "aws-iso-b"),
        ] {
            assert_eq!(of_region(region), partition);
            assert_eq!(of_region(home_region(partition)), partition);
        }
        assert_eq!(of_arn("arn:aws-cn:iam::1:role/x"), Some("aws-cn"));
        assert_eq!(of_arn("role/x"), None);
        assert!(is_opt_in("me-south-1") && !is_opt_in("us-east-1"));
        assert!(is_known_region("eu-west-3") && !is_known_region("eu-west-4"));
    }
}
