//! The host of a service in a region, from the SDK's own rules: for messages and for `doctor`, which
//! connects to a host before it calls the service.

use std::pin::pin;
use std::task::{Context, Poll, Waker};

use super::connection::{Hosts, Service};

/// The URL of the host that the SDK calls, ending in `/`; `None` where it has no rule, and for AWS
/// Sign-In.
pub(crate) fn aws_url(service: Service, region: &str, hosts: Hosts) -> Option<String> {
    // The SDK has these types once per service.
    macro_rules! resolved {
        ($sdk:ident) => {{
            use $sdk::config::endpoint::{DefaultResolver, Params, ResolveEndpoint};
            let params = Params::builder()
                .region(region)
                .use_fips(hosts.fips)
                .use_dual_stack(hosts.dualstack)
                .build();
            let (params, resolver) = (params.ok()?, DefaultResolver::new());
            let endpoint = pin!(resolver.resolve_endpoint(&params));
            // The rules are in memory: there is nothing to wait for.
            match endpoint.poll(&mut Context::from_waker(Waker::noop())) {
                Poll::Ready(endpoint) => endpoint.ok()?.url().to_owned(),
                Poll::Pending => return None,
            }
        }};
    }
    let url = match service {
        Service::Sts => resolved!(aws_sdk_sts),
        Service::Sso => resolved!(aws_sdk_sso),
        Service::SsoOidc => resolved!(aws_sdk_ssooidc),
        Service::Iam | Service::Signin => return None,
    };
    Some(format!("{url}/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_depends_on_partition_and_settings() {
        let url = |service, region, fips, dualstack| {
            aws_url(service, region, Hosts { fips, dualstack }).unwrap()
        };
        for (service, region, fips, dualstack, host) in [
            (
                Service::Sts,
                "eu-west-1",
                false,
                false,
                "sts.eu-west-1.amazonaws.com",
            ),
            (
                Service::Sts,
                "us-east-2",
                true,
                false,
                "sts-fips.us-east-2.amazonaws.com",
            ),
            (
                Service::Sts,
                "us-gov-west-1",
                true,
                false,
                "sts.us-gov-west-1.amazonaws.com",
            ),
            (
                Service::Sts,
                "cn-north-1",
                false,
                false,
                "sts.cn-north-1.amazonaws.com.cn",
            ),
            (
                Service::SsoOidc,
                "eu-west-1",
                false,
                true,
                "oidc.eu-west-1.api.aws",
            ),
            (
                Service::SsoOidc,
                "us-gov-west-1",
                true,
                false,
                "oidc.us-gov-west-1.amazonaws.com",
            ),
            (
                Service::Sso,
                "us-east-2",
                true,
                true,
                "portal.sso-fips.us-east-2.api.aws",
            ),
        ] {
            let wanted = format!("https://{host}/");
            assert_eq!(url(service, region, fips, dualstack), wanted);
        }
    }
}
