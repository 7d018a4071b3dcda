/* SPDX-License-Identifier: Apache-2.0 */
/* floor.c: two slots, in turn. A slot: magic, counter, seconds, nanoseconds, hash, zeros, SHA-256
 * of all before it. Numbers are big-endian. */
#include "daemon/store/floor.h"

#include "proto/base/cursor.h"
#include "proto/base/err.h"

#include <fcntl.h>
#include <sodium.h>
#include <unistd.h>

#define SLOT_BYTES 512 /* one sector: written whole or torn, but alone */
#define SUM_AT     (SLOT_BYTES - 32)
#define MAGIC      UINT64_C(0x7032706f73666c31) /* "p2posfl1" */

static void slot_make(uint8_t slot[SLOT_BYTES], uint64_t counter, const struct snapshot_stamp *s)
{
	struct buf b = BUF_WITH_MAX(SLOT_BYTES);

	/* Eight fixed fields fit. */
	(void)buf_put_u32be(&b, (uint32_t)(MAGIC >> 32));
	(void)buf_put_u32be(&b, (uint32_t)MAGIC);
	(void)buf_put_u32be(&b, (uint32_t)(counter >> 32));
	(void)buf_put_u32be(&b, (uint32_t)counter);
	(void)buf_put_u32be(&b, (uint32_t)((uint64_t)s->issued_at.sec >> 32));
	(void)buf_put_u32be(&b, (uint32_t)s->issued_at.sec);
	(void)buf_put_u32be(&b, (uint32_t)s->issued_at.nsec);
	(void)buf_put(&b, bytes_of(s->hash, sizeof(s->hash)));
	memset(slot, 0, SLOT_BYTES);
	memcpy(slot, b.data, b.len);
	buf_deinit(&b);
	crypto_hash_sha256(slot + SUM_AT, slot, SUM_AT);
}

static bool slot_read(const uint8_t slot[SLOT_BYTES], uint64_t *ret_counter,
	struct snapshot_stamp *ret)
{
	struct cursor c = cursor_of(bytes_of(slot, SLOT_BYTES));
	uint8_t sum[32];
	uint32_t nsec;

	crypto_hash_sha256(sum, slot, SUM_AT);
	if (memcmp(sum, slot + SUM_AT, sizeof(sum)) != 0 || cursor_u64be(&c) != MAGIC)
		return false;
	*ret_counter = cursor_u64be(&c);
	ret->issued_at.sec = (int64_t)cursor_u64be(&c);
	nsec = cursor_u32be(&c);
	ret->issued_at.nsec = (int32_t)nsec;
	memcpy(ret->hash, cursor_take(&c, sizeof(ret->hash)).at, sizeof(ret->hash));
	return nsec < NS_PER_SEC;
}

int floor_open(struct floor_file *f, const char *path)
{
	uint8_t slots[2][SLOT_BYTES];

	*f = (struct floor_file){.fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600)};
	if (f->fd < 0)
		return P2P_ERR_IO;
	if (lseek(f->fd, 0, SEEK_END) < (off_t)sizeof(slots)) {
		/* Its blocks are there from the first day on, so that a full disk cannot keep the
		 * floor down. Not every file system can do it. */
		(void)posix_fallocate(f->fd, 0, sizeof(slots));
		(void)fsync(f->fd);
		f->is_new = true;
	}
	for (size_t i = 0; i < 2; i++) {
		struct snapshot_stamp stamp;
		uint64_t counter;

		if (pread(f->fd, slots[i], SLOT_BYTES, (off_t)(i * SLOT_BYTES)) != SLOT_BYTES ||
			!slot_read(slots[i], &counter, &stamp))
			continue;
		/* The larger stamp counts, not the larger counter: the floor never falls. */
		if (!f->has_stamp || snapshot_stamp_cmp(&stamp, &f->stamp) > 0)
			f->stamp = stamp;
		f->has_stamp = true;
		if (counter > f->counter)
			f->counter = counter;
	}
	return 0;
}

void floor_close(struct floor_file *f)
{
	if (f->fd >= 0)
		close(f->fd);
	f->fd = -1;
}

int floor_raise(struct floor_file *f, const struct snapshot_stamp *stamp)
{
	uint8_t slot[SLOT_BYTES];
	uint64_t next = f->counter + 1;

	if (f->has_stamp && snapshot_stamp_cmp(stamp, &f->stamp) <= 0)
		return 0;
	slot_make(slot, next, stamp);
	if (pwrite(f->fd, slot, SLOT_BYTES, (off_t)(next % 2 * SLOT_BYTES)) != SLOT_BYTES ||
		fdatasync(f->fd) != 0)
		return P2P_ERR_IO;
	f->counter = next;
	f->stamp = *stamp;
	f->has_stamp = true;
	return 0;
}
