#ifndef LMVR_TESTS_ABI_LAYOUT_LIST_H
#define LMVR_TESTS_ABI_LAYOUT_LIST_H

/* What of lmvr.h a program has in it once it is compiled: where each member of a struct lies, and what each constant is.
 * MEMBER(struct, member) and CONSTANT(name) say what becomes of each. */
#define LAYOUT                                                                                                                 \
    MEMBER(lmvr_error, message)                                                                                                \
    MEMBER(lmvr_model_options, size)                                                                                           \
    MEMBER(lmvr_model_options, dtype)                                                                                          \
    MEMBER(lmvr_model_options, threads)                                                                                        \
    MEMBER(lmvr_model_options, device)                                                                                         \
    MEMBER(lmvr_model_options, cache_dtype)                                                                                    \
    MEMBER(lmvr_model_options, mmproj)                                                                                         \
    MEMBER(lmvr_stack_info, blocks)                                                                                            \
    MEMBER(lmvr_stack_info, width)                                                                                             \
    MEMBER(lmvr_stack_info, heads)                                                                                             \
    MEMBER(lmvr_stack_info, kv_heads)                                                                                          \
    MEMBER(lmvr_stack_info, mlp_width)                                                                                         \
    MEMBER(lmvr_stack_info, parameters)                                                                                        \
    MEMBER(lmvr_model_info, architecture)                                                                                      \
    MEMBER(lmvr_model_info, stored_dtypes)                                                                                     \
    MEMBER(lmvr_model_info, dtype)                                                                                             \
    MEMBER(lmvr_model_info, cache_dtype)                                                                                       \
    MEMBER(lmvr_model_info, vision)                                                                                            \
    MEMBER(lmvr_model_info, language)                                                                                          \
    MEMBER(lmvr_model_info, text)                                                                                              \
    MEMBER(lmvr_model_info, connector_parameters)                                                                              \
    MEMBER(lmvr_model_info, input_blocks)                                                                                      \
    MEMBER(lmvr_model_info, image_size)                                                                                        \
    MEMBER(lmvr_model_info, patch_size)                                                                                        \
    MEMBER(lmvr_model_info, joint_width)                                                                                       \
    MEMBER(lmvr_model_info, visual_tokens)                                                                                     \
    MEMBER(lmvr_model_info, vocabulary)                                                                                        \
    MEMBER(lmvr_model_info, max_positions)                                                                                     \
    MEMBER(lmvr_model_info, weights_bytes)                                                                                     \
    MEMBER(lmvr_model_info, kv_bytes_per_token)                                                                                \
    MEMBER(lmvr_model_info, fingerprint)                                                                                       \
    MEMBER(lmvr_model_info, device)                                                                                            \
    MEMBER(lmvr_model_info, gpu)                                                                                               \
    MEMBER(lmvr_model_info, notice)                                                                                            \
    MEMBER(lmvr_convert_options, size)                                                                                         \
    MEMBER(lmvr_convert_options, dtype)                                                                                        \
    MEMBER(lmvr_convert_options, threads)                                                                                      \
    MEMBER(lmvr_convert_options, mmproj)                                                                                       \
    MEMBER(lmvr_convert_options, replace)                                                                                      \
    MEMBER(lmvr_convert_options, progress)                                                                                     \
    MEMBER(lmvr_convert_options, user)                                                                                         \
    MEMBER(lmvr_pixels, width)                                                                                                 \
    MEMBER(lmvr_pixels, height)                                                                                                \
    MEMBER(lmvr_pixels, rgb)                                                                                                   \
    MEMBER(lmvr_session_options, size)                                                                                         \
    MEMBER(lmvr_session_options, features)                                                                                     \
    MEMBER(lmvr_session_options, feature_count)                                                                                \
    MEMBER(lmvr_session_options, describe)                                                                                     \
    MEMBER(lmvr_session_options, before_generation)                                                                            \
    MEMBER(lmvr_session_options, prompt)                                                                                       \
    MEMBER(lmvr_session_options, system)                                                                                       \
    MEMBER(lmvr_session_options, template_name)                                                                                \
    MEMBER(lmvr_session_options, max_new_tokens)                                                                               \
    MEMBER(lmvr_session_options, temperature)                                                                                  \
    MEMBER(lmvr_session_options, top_p)                                                                                        \
    MEMBER(lmvr_session_options, seed)                                                                                         \
    MEMBER(lmvr_session_options, aspect)                                                                                       \
    MEMBER(lmvr_session_options, min_pixels)                                                                                   \
    MEMBER(lmvr_session_options, max_pixels)                                                                                   \
    MEMBER(lmvr_session_options, normalize)                                                                                    \
    MEMBER(lmvr_session_options, dims)                                                                                         \
    MEMBER(lmvr_session_options, attention)                                                                                    \
    MEMBER(lmvr_session_options, attention_query)                                                                              \
    MEMBER(lmvr_session_options, attention_first)                                                                              \
    MEMBER(lmvr_session_options, attention_last)                                                                               \
    MEMBER(lmvr_session_options, filter)                                                                                       \
    MEMBER(lmvr_session_options, filter_user)                                                                                  \
    MEMBER(lmvr_session_options, batch)                                                                                        \
    MEMBER(lmvr_session_options, threads)                                                                                      \
    MEMBER(lmvr_feature_info, name)                                                                                            \
    MEMBER(lmvr_feature_info, spec)                                                                                            \
    MEMBER(lmvr_feature_info, dim)                                                                                             \
    MEMBER(lmvr_feature_info, multi_vector)                                                                                    \
    MEMBER(lmvr_sampling, temperature)                                                                                         \
    MEMBER(lmvr_sampling, top_p)                                                                                               \
    MEMBER(lmvr_sampling, seed)                                                                                                \
    MEMBER(lmvr_image, path)                                                                                                   \
    MEMBER(lmvr_image, rgb)                                                                                                    \
    MEMBER(lmvr_image, width)                                                                                                  \
    MEMBER(lmvr_image, height)                                                                                                 \
    MEMBER(lmvr_image, text)                                                                                                   \
    MEMBER(lmvr_image, system)                                                                                                 \
    MEMBER(lmvr_image, bytes)                                                                                                  \
    MEMBER(lmvr_image, byte_count)                                                                                             \
    MEMBER(lmvr_image, max_new_tokens)                                                                                         \
    MEMBER(lmvr_image, stream)                                                                                                 \
    MEMBER(lmvr_image, sampling)                                                                                               \
    MEMBER(lmvr_image, user)                                                                                                   \
    MEMBER(lmvr_view, x)                                                                                                       \
    MEMBER(lmvr_view, y)                                                                                                       \
    MEMBER(lmvr_view, width)                                                                                                   \
    MEMBER(lmvr_view, height)                                                                                                  \
    MEMBER(lmvr_result, index)                                                                                                 \
    MEMBER(lmvr_result, status)                                                                                                \
    MEMBER(lmvr_result, error)                                                                                                 \
    MEMBER(lmvr_result, features)                                                                                              \
    MEMBER(lmvr_result, rows)                                                                                                  \
    MEMBER(lmvr_result, response)                                                                                              \
    MEMBER(lmvr_result, tokens)                                                                                                \
    MEMBER(lmvr_result, token_count)                                                                                           \
    MEMBER(lmvr_result, finished)                                                                                              \
    MEMBER(lmvr_result, attention)                                                                                             \
    MEMBER(lmvr_result, grid_rows)                                                                                             \
    MEMBER(lmvr_result, grid_columns)                                                                                          \
    MEMBER(lmvr_result, view)                                                                                                  \
    MEMBER(lmvr_result, token_ends)                                                                                            \
    MEMBER(lmvr_event, index)                                                                                                  \
    MEMBER(lmvr_event, user)                                                                                                   \
    MEMBER(lmvr_event, result)                                                                                                 \
    MEMBER(lmvr_event, tokens)                                                                                                 \
    MEMBER(lmvr_event, token_count)                                                                                            \
    MEMBER(lmvr_event, text)                                                                                                   \
    CONSTANT(LMVR_OK)                                                                                                          \
    CONSTANT(LMVR_ERROR_INPUT)                                                                                                 \
    CONSTANT(LMVR_ERROR_INVALID)                                                                                               \
    CONSTANT(LMVR_ERROR_RESOURCE)                                                                                              \
    CONSTANT(LMVR_STOPPED)                                                                                                     \
    CONSTANT(LMVR_FULL)                                                                                                        \
    CONSTANT(LMVR_DTYPE_DEFAULT)                                                                                               \
    CONSTANT(LMVR_DTYPE_F32)                                                                                                   \
    CONSTANT(LMVR_DTYPE_BF16)                                                                                                  \
    CONSTANT(LMVR_DTYPE_INT8)                                                                                                  \
    CONSTANT(LMVR_DTYPE_INT4)                                                                                                  \
    CONSTANT(LMVR_DTYPE_F16)                                                                                                   \
    CONSTANT(LMVR_ASPECT_DEFAULT)                                                                                              \
    CONSTANT(LMVR_ASPECT_CROP)                                                                                                 \
    CONSTANT(LMVR_ASPECT_PAD)                                                                                                  \
    CONSTANT(LMVR_ASPECT_STRETCH)                                                                                              \
    CONSTANT(LMVR_QUERY_DEFAULT)                                                                                               \
    CONSTANT(LMVR_QUERY_PREDICTING)                                                                                            \
    CONSTANT(LMVR_QUERY_OWN)                                                                                                   \
    CONSTANT(LMVR_STAGE_QUEUED)                                                                                                \
    CONSTANT(LMVR_STAGE_RUNNING)                                                                                               \
    CONSTANT(LMVR_STAGE_ENDED)

/* What has been added since. */
#define LAYOUT_SINCE                                                                                                           \
    MEMBER(lmvr_model_options, fast)                                                                                           \
    MEMBER(lmvr_model_options, notice)                                                                                         \
    MEMBER(lmvr_model_options, notice_user)                                                                                    \
    MEMBER(lmvr_model_info, fast)                                                                                              \
    MEMBER(lmvr_model_info, lost)

#endif
