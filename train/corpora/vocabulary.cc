// Wraps SentencePiece's trainer, which has no C interface. No exception leaves vocabulary_train().
#include "train/corpora/vocabulary.h"

#include "format/hash.h"
#include "lab/words/letters.h"

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <new>
#include <string>
#include <sys/stat.h>
#include <unordered_map>

#include <glib.h>
#include <sentencepiece_trainer.h>

// The trainer needs a multiple of this in memory; more text is sampled.
static const uint64_t most_text = UINT64_C(256) << 20;
static const size_t longest_line = 1 << 16; // bytes; longer ones are skipped

// Whether the line has anything but spaces (which include U+2581 for SentencePiece), marks and invisible characters: if a text
// has nothing else, unigram's trainer aborts the program.
static bool has_signs(const std::string &line)
{
    for (size_t at = 0; at < line.size();) {
        size_t length;
        uint32_t letter = letter_at(line.c_str() + at, &length);
        if (letter != 0xFFFD && letter != 0x2581 && (g_unichar_isalnum(letter) || g_unichar_ispunct(letter)))
            return true;
        at += length;
    }
    return false;
}

namespace
{
// The lines of all files, one after the other; if they are large, a seeded random share.
class lines_of_files : public sentencepiece::SentenceIterator
{
  public:
    lines_of_files(const struct vocabulary_options *options, uint64_t share) : options_(options), share_(share)
    {
        Next();
    }
    bool done() const override
    {
        return done_;
    }
    const std::string &value() const override
    {
        return line_;
    }
    sentencepiece::util::Status status() const override
    {
        return sentencepiece::util::Status();
    }
    const std::string &failed() const
    {
        return failed_;
    }
    void Next() override
    {
        while (read()) {
            if (!line_.empty() && line_.back() == '\r')
                line_.pop_back();
            if (line_.size() <= longest_line && chosen() && line_.find('\0') == std::string::npos && has_signs(line_))
                return;
        }
        done_ = true;
    }

  private:
    // The next line of whichever file has one.
    bool read()
    {
        for (;;) {
            if (file_.is_open() && std::getline(file_, line_))
                return true;
            if (file_.is_open() && file_.bad())
                return fail();
            file_.close();
            file_.clear();
            if (!failed_.empty() || next_ == options_->text_count)
                return false;
            file_.open(options_->texts[next_++], std::ios::binary);
            if (!file_)
                return fail();
        }
    }
    bool fail()
    {
        failed_ = options_->texts[next_ - 1];
        return false;
    }
    bool chosen()
    {
        number_++;
        return share_ == UINT64_MAX ||
               hash_bytes(hash_bytes(HASH_START, &options_->seed, sizeof options_->seed), &number_, sizeof number_) < share_;
    }

    const struct vocabulary_options *options_;
    uint64_t share_; // of 2^64
    uint64_t number_ = 0;
    int next_ = 0;
    bool done_ = false;
    std::ifstream file_;
    std::string line_, failed_;
};
} // namespace

static const char *name_of(const struct vocabulary_options *options)
{
    return options->name ? options->name : options->texts[0];
}

static lmvr_status refuse_empty(const struct vocabulary_options *options, lmvr_error *error)
{
    return error_set(error, LMVR_ERROR_INVALID, "%s: there is no text to train a vocabulary on", name_of(options));
}

// The share of the text to use, in units of 2^-64.
static lmvr_status choose_share(const struct vocabulary_options *options, uint64_t *share, lmvr_error *error)
{
    uint64_t total = 0;
    for (int i = 0; i < options->text_count; i++) {
        struct stat st;
        if (stat(options->texts[i], &st) != 0)
            return error_set(error, LMVR_ERROR_INVALID, "%s: cannot be read: %s", options->texts[i], strerror(errno));
        if (!S_ISREG(st.st_mode))
            return error_set(error, LMVR_ERROR_INVALID, "%s: is not a regular file", options->texts[i]);
        total += static_cast<uint64_t>(st.st_size);
    }
    if (total == 0)
        return refuse_empty(options, error);
    *share = total <= most_text ? UINT64_MAX : static_cast<uint64_t>(0x1p64 / static_cast<double>(total) * most_text);
    return LMVR_OK;
}

static std::unordered_map<std::string, std::string> trainer_arguments(const struct vocabulary_options *options)
{
    // fixed, as the number of threads affects the order of unigram's sums
    std::unordered_map<std::string, std::string> arguments = {
        {"vocab_size", std::to_string(options->size)},
        {"character_coverage", "0.99995"},
        {"max_sentence_length", std::to_string(longest_line)},
        {"num_threads", "4"},
        {"minloglevel", "3"},
    };
    if (options->unigram) {
        arguments.insert({{"model_type", "unigram"}, {"pad_id", "0"}, {"eos_id", "1"}, {"unk_id", "2"}, {"bos_id", "-1"}});
    } else {
        arguments.insert({{"model_type", "bpe"},
                          {"byte_fallback", "true"},
                          {"split_digits", "true"},
                          {"normalization_rule_name", "identity"},
                          {"remove_extra_whitespaces", "false"},
                          {"allow_whitespace_only_pieces", "true"}});
    }
    return arguments;
}

// Passes on the trainer's message, without the source location in front of it.
static lmvr_status refuse(const struct vocabulary_options *options, const std::string &said, lmvr_error *error)
{
    size_t place = said.rfind("] ");
    std::string why = place == std::string::npos ? said : said.substr(place + 2);
    why = why.substr(0, why.find(" Increase ")); // advice about options that we do not have
    return error_set(error, LMVR_ERROR_INVALID, "%s: no vocabulary of %d pieces can be trained on this text%s%s",
                     name_of(options), options->size, why.empty() ? "" : ": ", why.c_str());
}

static lmvr_status train(const struct vocabulary_options *options, std::string *model, lmvr_error *error)
{
    uint64_t share;
    TRY(choose_share(options, &share, error));
    lines_of_files lines(options, share);
    if (lines.done() && lines.failed().empty())
        return refuse_empty(options, error);
    auto status = sentencepiece::SentencePieceTrainer::Train(trainer_arguments(options), &lines, model);
    if (!lines.failed().empty())
        return error_set(error, LMVR_ERROR_INVALID, "%s: cannot be read", lines.failed().c_str());
    return status.ok() ? LMVR_OK : refuse(options, status.error_message(), error);
}

lmvr_status vocabulary_train(const struct vocabulary_options *options, char **model, size_t *model_size, lmvr_error *error)
{
    int least = options->unigram ? 8 : 3 + 256 + 1; // with fewer, the trainer's checks abort the program
    if (options->text_count < 1)
        return error_set(error, LMVR_ERROR_INVALID, "there is no text to train a vocabulary on");
    if (options->size < least || options->size > 1 << 20)
        return error_set(error, LMVR_ERROR_INVALID, "a vocabulary of %d pieces was requested, expected %d to %d", options->size,
                         least, 1 << 20);
    try {
        std::string bytes;
        TRY(train(options, &bytes, error));
        *model = static_cast<char *>(malloc(bytes.size() + 1));
        if (!*model)
            return error_no_memory(error, "making a vocabulary");
        memcpy(*model, bytes.data(), bytes.size());
        *model_size = bytes.size();
        return LMVR_OK;
    } catch (const std::bad_alloc &) {
        return error_no_memory(error, "training a vocabulary");
    } catch (const std::exception &e) {
        return error_set(error, LMVR_ERROR_INVALID, "no vocabulary could be trained: %s", e.what());
    }
}
