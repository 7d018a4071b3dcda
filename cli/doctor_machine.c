/* SPDX-License-Identifier: Apache-2.0 */
/* doctor: the machine: files and their modes, the kernel's clock and buffers, room on the disk. */
#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/timex.h>
#include <unistd.h>

#include "cli/doctor.h"
#include "cli/place.h"
#include "cli/secret.h"
#include "config/file.h"
#include "proto/base/err.h"
#include "proto/base/mem.h"

#define UDP_BUFFER_WANTED   7340032              /* what QUIC asks the kernel for (spec quic.md) */
#define DISK_BYTES_FAIL     (64ull * 1024 * 1024)  /* history stops soon */
#define DISK_BYTES_WARN     (512ull * 1024 * 1024)
#define CLOCK_ERROR_US_WARN 500000               /* the kernel's own estimate */

static void look_at_config(struct doctor *d)
{
	struct config_report *r = xcalloc(1, sizeof(*r));
	int err = config_load(d->config_path, d->config, r);

	d->has_config = err == 0;
	if (err == P2P_ERR_NOT_FOUND)
		doctor_say(d, DOCTOR_FAIL, "config", "p2posctl init --cluster ID, or p2posctl join STRING",
			"there is no %s", d->config_path);
	else if (err == P2P_ERR_DENIED)
		doctor_say(d, DOCTOR_WARN, "config", "run it with sudo", "you may not read %s", d->config_path);
	else if (err)
		doctor_say(d, DOCTOR_FAIL, "config", "p2posctl config check", "%s: %s", d->config_path,
			r->count ? r->faults[0].message : err_text(err));
	else if (r->warnings)
		doctor_say(d, DOCTOR_WARN, "config", "p2posctl config check", "%s, %u warnings: %s", d->config_path,
			r->warnings, r->faults[0].message);
	else
		doctor_say(d, DOCTOR_OK, "config", NULL, "%s, 0 warnings", d->config_path);
	free(r);
}

/* Others may not write it, and where it may hold a secret not read it either. */
static void look_at_mode(struct doctor *d, const char *path, mode_t allowed, const char *name)
{
	struct stat st;
	char fix[1200];

	if (stat(path, &st) != 0) {
		if (errno == EACCES)
			doctor_say(d, DOCTOR_WARN, name, "run it with sudo", "you may not look at %s", path);
		return; /* what is not there is told of elsewhere */
	}
	snprintf(fix, sizeof(fix), "chmod %04o %s", (unsigned)allowed, path);
	if (st.st_mode & 07777 & ~allowed)
		doctor_say(d, DOCTOR_FAIL, name, fix, "%s has mode %04o, %04o at most is safe", path,
			(unsigned)(st.st_mode & 07777), (unsigned)allowed);
	else
		doctor_say(d, DOCTOR_OK, name, NULL, "%s, mode %04o", path, (unsigned)(st.st_mode & 07777));
}

/* The service's files belong to its user; one of another owner keeps it from starting. */
static void look_at_owner(struct doctor *d, const char *path)
{
	const struct passwd *user = getpwnam(PLACE_SERVICE_USER);
	struct stat st;
	char fix[1200];

	if (strcmp(d->data_dir, CLI_STATE_DEFAULT) != 0 || !user || stat(path, &st) != 0 || st.st_uid == user->pw_uid)
		return;
	snprintf(fix, sizeof(fix), "chown %s: %s", PLACE_SERVICE_USER, path);
	doctor_say(d, DOCTOR_FAIL, "owner", fix, "%s belongs to uid %u, not to %s", path, (unsigned)st.st_uid,
		PLACE_SERVICE_USER);
}

static void look_at_files(struct doctor *d)
{
	char *key = secret_path(d->data_dir, "node.key"), *db = secret_path(d->data_dir, "p2pos.db");

	look_at_mode(d, d->config_path, 0640, "config mode");
	look_at_mode(d, key, 0600, "node key");
	look_at_owner(d, key);
	look_at_owner(d, db);
	free(key);
	free(db);
}

static void look_at_clock(struct doctor *d)
{
	struct timex t = {0};
	int state = adjtimex(&t);

	if (state < 0)
		doctor_say(d, DOCTOR_WARN, "clock", NULL, "the kernel does not tell how good it is: %s", strerror(errno));
	else if (state == TIME_ERROR || t.status & STA_UNSYNC)
		doctor_say(d, DOCTOR_WARN, "clock", "timedatectl set-ntp true   (or install chrony)",
			"not synchronised by NTP; heartbeats allow 5 min, signing 2 s is better");
	else if (t.maxerror > CLOCK_ERROR_US_WARN)
		doctor_say(d, DOCTOR_WARN, "clock", "chronyc tracking   (or timedatectl timesync-status)",
			"synchronised, but it may be off by %.1f s", (double)t.maxerror / 1e6);
	else
		doctor_say(d, DOCTOR_OK, "clock", NULL, "synchronised, off by %.3f s at most", (double)t.maxerror / 1e6);
}

static bool speaks_quic(const struct doctor *d)
{
	for (unsigned i = 0; d->has_config && i < d->config->net.transports.count; i++)
		if (d->config->net.transports.at[i] == NET_QUIC)
			return true;
	return !d->has_config;
}

static void look_at_udp(struct doctor *d)
{
	struct buf text = BUF_WITH_MAX(64);
	long long max = -1;

	if (!speaks_quic(d))
		return;
	if (file_read("/proc/sys/net/core/rmem_max", &text, NULL) == 0)
		max = strtoll(buf_cstr(&text), NULL, 10);
	buf_deinit(&text);
	if (max < 0)
		doctor_say(d, DOCTOR_WARN, "udp buffers", NULL, "net.core.rmem_max cannot be read");
	else if (max < UDP_BUFFER_WANTED)
		doctor_say(d, DOCTOR_WARN, "udp buffers",
			access("/usr/lib/sysctl.d/60-p2pos.conf", R_OK) == 0
				? "sysctl --system   (file /usr/lib/sysctl.d/60-p2pos.conf is installed)"
				: "echo net.core.rmem_max=7340032 >/etc/sysctl.d/60-p2pos.conf && sysctl --system",
			"net.core.rmem_max is %lld, QUIC wants %d", max, UDP_BUFFER_WANTED);
	else
		doctor_say(d, DOCTOR_OK, "udp buffers", NULL, "net.core.rmem_max is %lld", max);
}

static void look_at_disk(struct doctor *d)
{
	struct statvfs fs;
	unsigned long long room;

	if (statvfs(d->data_dir, &fs) != 0) {
		doctor_say(d, errno == EACCES ? DOCTOR_WARN : DOCTOR_FAIL, "disk",
			errno == EACCES ? "run it with sudo" : "p2posctl init or p2posctl join makes it",
			"cannot look at %s: %s", d->data_dir, strerror(errno));
		return;
	}
	room = (unsigned long long)fs.f_bavail * fs.f_frsize;
	if (fs.f_flag & ST_RDONLY)
		doctor_say(d, DOCTOR_FAIL, "disk", "mount it writable", "the file system of %s is read-only", d->data_dir);
	else if (room < DISK_BYTES_FAIL)
		doctor_say(d, DOCTOR_FAIL, "disk", "make room there", "%llu MiB free in %s: history stops", room >> 20,
			d->data_dir);
	else
		doctor_say(d, room < DISK_BYTES_WARN ? DOCTOR_WARN : DOCTOR_OK, "disk",
			room < DISK_BYTES_WARN ? "make room there" : NULL, "%llu MiB free in %s", room >> 20, d->data_dir);
}

void doctor_look_at_machine(struct doctor *d)
{
	look_at_config(d);
	look_at_files(d);
	look_at_clock(d);
	look_at_udp(d);
	look_at_disk(d);
}
