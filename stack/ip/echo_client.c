/* See echo_client.h. The data of replies lie behind one another in one buffer, which is used from
 * its start again whenever the queue has run empty. */
#include "ip/echo_client.h"

#include <errno.h>

void echo_client_init(struct echo_client *client, struct memory *memory)
{
    *client = (struct echo_client){.memory = memory};
}

void echo_client_destroy(struct echo_client *client)
{
    memory_give(client->memory, client->data, ECHO_DATA_SIZE);
    client->data = NULL;
}

int echo_client_expect(struct echo_client *client, const struct address *destination, uint16_t id)
{
    if (!client->data)
        client->data = memory_take(client->memory, ECHO_DATA_SIZE);
    if (!client->data)
        return -ENOBUFS;
    client->destination = *destination;
    client->id = id;
    return 0;
}

/* The queue's next free record, or NULL. */
static struct echo_record *free_record(struct echo_client *client)
{
    if (client->count == 0)
        client->data_used = 0;
    if (client->count == ECHO_QUEUE)
        return NULL;
    return &client->records[(client->first + client->count) % ECHO_QUEUE];
}

bool echo_client_reply(struct echo_client *client, const struct ip_echo_reply *reply)
{
    if (!client->data || reply->id != client->id)
        return false;
    bool from_group = address_is_multicast(&client->destination);
    if (!from_group && !address_equal(&reply->source, &client->destination))
        return false;
    struct echo_record *record = free_record(client);
    if (!record || reply->data.len > ECHO_DATA_SIZE - client->data_used)
        return false;
    uint8_t *copy = client->data + client->data_used;
    memcpy(copy, reply->data.data, reply->data.len);
    client->data_used += reply->data.len;
    *record = (struct echo_record){.reply = *reply};
    record->reply.data.data = copy;
    client->count++;
    return true;
}

bool echo_client_error(struct echo_client *client, const struct ip_error *error)
{
    /* RFC 5927, 4: the quotation must be of what was sent: same destination, same id. */
    if (!client->data || error->transport.len < ECHO_QUOTED ||
        get_be16(error->transport.data + 4) != client->id ||
        !address_equal(&error->flow.remote.address, &client->destination))
        return false;
    struct echo_record *record = free_record(client);
    if (!record)
        return false;
    *record = (struct echo_record){.is_error = true, .error = *error};
    memcpy(record->quoted, error->transport.data, ECHO_QUOTED);
    record->error.transport = (struct bytes){record->quoted, ECHO_QUOTED};
    client->count++;
    return true;
}

const struct echo_record *echo_client_take(struct echo_client *client)
{
    if (client->count == 0)
        return NULL;
    const struct echo_record *oldest = &client->records[client->first];
    client->first = (client->first + 1) % ECHO_QUEUE;
    client->count--;
    return oldest;
}
