/* Virtio network headers in memory: what is believed, what is refused, what is written. */
#include "dev/vnet.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

enum { HEADERS4 = 40, HEADERS6 = 60, LENGTH = 3000 };

static uint8_t bytes4[LENGTH], bytes6[LENGTH];
static const struct bytes ip4 = {bytes4, LENGTH}, ip6 = {bytes6, LENGTH};

static int make_packets(void **state)
{
    (void)state;
    bytes4[0] = 0x45;
    bytes4[9] = 6;
    bytes4[20 + 12] = 0x50;
    bytes6[0] = 0x60;
    bytes6[6] = 6;
    bytes6[40 + 12] = 0x50;
    return 0;
}

static const struct virtio_net_hdr super4 = {.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM,
                                             .gso_type = VIRTIO_NET_HDR_GSO_TCPV4,
                                             .hdr_len = HEADERS4,
                                             .gso_size = 1460,
                                             .csum_start = 20,
                                             .csum_offset = 16};

static void an_empty_header_asks_for_nothing(void **state)
{
    (void)state;
    struct packet p;
    struct virtio_net_hdr header = {.flags = 0};
    assert_int_equal(vnet_read(&header, 0, ip4, &p), 0);
    assert_int_equal(p.checksum, PACKET_CHECKSUM_IN_FULL);
    assert_int_equal(p.gso_size, 0);
    assert_int_equal(packet_length(&p), LENGTH);
}

static void a_verified_checksum_is_told(void **state)
{
    (void)state;
    struct packet p;
    struct virtio_net_hdr header = {.flags = VIRTIO_NET_HDR_F_DATA_VALID};
    assert_int_equal(vnet_read(&header, 0, ip4, &p), 0);
    assert_int_equal(p.checksum, PACKET_CHECKSUM_VERIFIED);
}

static void a_super_segment_is_read(void **state)
{
    (void)state;
    struct packet p;
    assert_int_equal(vnet_read(&super4, 0, ip4, &p), 0);
    assert_int_equal(p.checksum, PACKET_CHECKSUM_PARTIAL);
    assert_int_equal(p.checksum_at, 20);
    assert_int_equal(p.checksum_offset, 16);
    assert_int_equal(p.gso_size, 1460);
    assert_int_equal(p.header_length, HEADERS4);
}

static void a_link_header_is_taken_off(void **state)
{
    (void)state;
    struct packet p;
    struct virtio_net_hdr header = super4;
    header.csum_start = 34;
    header.hdr_len = 54;
    assert_int_equal(vnet_read(&header, 14, ip4, &p), 0);
    assert_int_equal(p.checksum_at, 20);
    assert_int_equal(p.header_length, HEADERS4);
    header.csum_start = 13; /* inside the link's header */
    assert_int_equal(vnet_read(&header, 14, ip4, &p), -EPROTO);
}

static void a_verified_super_segment_needs_no_checksum_start(void **state)
{
    (void)state;
    struct packet p;
    struct virtio_net_hdr header = {.flags = VIRTIO_NET_HDR_F_DATA_VALID,
                                    .gso_type = VIRTIO_NET_HDR_GSO_TCPV6,
                                    .gso_size = 1440};
    assert_int_equal(vnet_read(&header, 0, ip6, &p), 0);
    assert_int_equal(p.checksum, PACKET_CHECKSUM_VERIFIED);
    assert_int_equal(p.header_length, HEADERS6);
}

/* hdr_len is what the kernel's buffers happen to hold in one piece, not a header's length. */
static void a_generous_header_length_is_only_a_hint(void **state)
{
    (void)state;
    struct packet p;
    struct virtio_net_hdr header = super4;
    header.hdr_len = LENGTH;
    assert_int_equal(vnet_read(&header, 0, ip4, &p), 0);
    assert_int_equal(p.header_length, HEADERS4);
}

/* Checksum trust on TUN offload */
static void lies_are_refused(void **state)
{
    (void)state;
    struct virtio_net_hdr lies[12];
    struct packet p;
    for (unsigned i = 0; i < 12; i++)
        lies[i] = super4;
    lies[0].csum_start = LENGTH;
    lies[1].csum_start = 65535;
    lies[2].csum_offset = LENGTH - 20 - 1; /* the field's second byte lies outside */
    lies[3].csum_offset = 65535;
    lies[4].gso_size = 0;
    lies[5].hdr_len = LENGTH + 1;
    lies[6].gso_type = 2;
    lies[7].gso_type = VIRTIO_NET_HDR_GSO_UDP; /* UFO: never asked for */
    lies[8].gso_type = VIRTIO_NET_HDR_GSO_TCPV6;
    lies[9].flags = 0;
    lies[10].csum_start = 0;
    lies[11].gso_type = VIRTIO_NET_HDR_GSO_ECN; /* ECN of nothing */
    for (unsigned i = 0; i < 12; i++)
        if (vnet_read(&lies[i], 0, ip4, &p) != -EPROTO)
            fail_msg("lie %u was believed", i);
}

/* Checksum trust on TUN offload */
static void headers_that_reach_past_the_end_are_refused(void **state)
{
    (void)state;
    struct packet p;
    uint8_t cut[HEADERS4];
    struct virtio_net_hdr header = super4;
    header.hdr_len = 0;
    memcpy(cut, bytes4, sizeof cut);
    cut[20 + 12] = 0xf0; /* 60 bytes of TCP header */
    assert_int_equal(vnet_read(&header, 0, (struct bytes){cut, sizeof cut}, &p), -EPROTO);
    cut[20 + 12] = 0x40; /* 16 bytes */
    assert_int_equal(vnet_read(&header, 0, (struct bytes){cut, sizeof cut}, &p), -EPROTO);
    cut[20 + 12] = 0x50;
    assert_int_equal(vnet_read(&header, 0, (struct bytes){cut, sizeof cut}, &p), 0);
    for (size_t len = 0; len < sizeof cut; len++)
        assert_int_equal(vnet_read(&header, 0, (struct bytes){cut, len}, &p), -EPROTO);
}

/* Device-level frames */
static void short_packets_pass_for_ip_to_judge(void **state)
{
    (void)state;
    struct packet p;
    struct virtio_net_hdr header = {.flags = 0};
    for (size_t len = 0; len <= 64; len++) {
        assert_int_equal(vnet_read(&header, 0, (struct bytes){bytes4, len}, &p), 0);
        assert_int_equal(packet_length(&p), len);
    }
    static uint8_t huge[PACKET_LARGEST + 1];
    assert_int_equal(vnet_read(&header, 0, (struct bytes){huge, sizeof huge}, &p), -EPROTO);
}

static struct packet super_packet(const uint8_t *data, uint16_t at)
{
    return (struct packet){.parts = {{data, LENGTH}},
                           .count = 1,
                           .gso_size = 1000,
                           .checksum = PACKET_CHECKSUM_PARTIAL,
                           .checksum_at = at,
                           .checksum_offset = 16,
                           .header_length = (uint16_t)(at + 20)};
}

static void what_is_written_is_read_back(void **state)
{
    (void)state;
    const struct packet packets[] = {super_packet(bytes4, 20), super_packet(bytes6, 40)};
    for (unsigned i = 0; i < 2; i++)
        for (size_t link = 0; link <= 14; link += 14) {
            struct packet p;
            struct virtio_net_hdr header = vnet_header(&packets[i], link);
            assert_int_equal(vnet_read(&header, link, packets[i].parts[0], &p), 0);
            assert_int_equal(p.gso_size, 1000);
            assert_int_equal(p.checksum_at, packets[i].checksum_at);
            assert_int_equal(p.checksum_offset, 16);
            assert_int_equal(p.header_length, packets[i].header_length);
        }
}

static void an_ordinary_packet_gets_an_empty_header(void **state)
{
    (void)state;
    struct packet p = {.parts = {ip4}, .count = 1, .checksum = PACKET_CHECKSUM_IN_FULL};
    struct virtio_net_hdr header = vnet_header(&p, 0), empty = {.flags = 0};
    assert_memory_equal(&header, &empty, sizeof header);
}

static void cwr_is_told_as_ecn(void **state)
{
    (void)state;
    struct packet p = super_packet(bytes4, 20);
    assert_int_equal(vnet_header(&p, 0).gso_type, VIRTIO_NET_HDR_GSO_TCPV4);
    bytes4[20 + 13] = 0x80;
    assert_int_equal(vnet_header(&p, 0).gso_type,
                     VIRTIO_NET_HDR_GSO_TCPV4 | VIRTIO_NET_HDR_GSO_ECN);
    bytes4[20 + 13] = 0;
}

static void udp_becomes_uso(void **state)
{
    (void)state;
    struct packet p = super_packet(bytes4, 20);
    p.checksum_offset = 6;
    assert_int_equal(vnet_header(&p, 0).gso_type, VNET_GSO_UDP_L4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_empty_header_asks_for_nothing),
        cmocka_unit_test(a_verified_checksum_is_told),
        cmocka_unit_test(a_super_segment_is_read),
        cmocka_unit_test(a_link_header_is_taken_off),
        cmocka_unit_test(a_verified_super_segment_needs_no_checksum_start),
        cmocka_unit_test(a_generous_header_length_is_only_a_hint),
        cmocka_unit_test(lies_are_refused),
        cmocka_unit_test(headers_that_reach_past_the_end_are_refused),
        cmocka_unit_test(short_packets_pass_for_ip_to_judge),
        cmocka_unit_test(what_is_written_is_read_back),
        cmocka_unit_test(an_ordinary_packet_gets_an_empty_header),
        cmocka_unit_test(cwr_is_told_as_ecn),
        cmocka_unit_test(udp_becomes_uso),
    };
    return cmocka_run_group_tests(tests, make_packets, NULL);
}
