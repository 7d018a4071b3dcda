/* SPDX-License-Identifier: Apache-2.0 */
/* interfaces.c: getifaddrs(), which asks the kernel and waits for nobody. */
#include "daemon/io/interfaces.h"

#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>

#include "daemon/io/loop_private.h"

static bool is_among(const struct maddr_ip *ips, size_t count, const struct maddr_ip *ip)
{
	for (size_t i = 0; i < count; i++)
		if (ips[i].family == ip->family && memcmp(ips[i].ip, ip->ip, sizeof(ip->ip)) == 0)
			return true;
	return false;
}

size_t interface_ips(struct maddr_ip *ret, size_t max)
{
	struct ifaddrs *all;
	size_t count = 0;

	if (getifaddrs(&all) != 0)
		return 0;
	for (struct ifaddrs *i = all; i && count < max; i = i->ifa_next) {
		struct maddr_ip ip;

		if (!i->ifa_addr || !(i->ifa_flags & IFF_UP) || !ip_from_sockaddr(i->ifa_addr, &ip))
			continue;
		ip.port = 0;
		if (!is_among(ret, count, &ip))
			ret[count++] = ip;
	}
	freeifaddrs(all);
	return count;
}
